// The page to open after signing in: always one of the dashboard's, whatever the link says.

const HOME = "/dashboard";

/** `wanted` if it is a dashboard path on this site, else the dashboard itself. Never another origin. */
export function nextPath(wanted: string | null, origin: string = window.location.origin): string {
  if (!wanted?.startsWith("/")) return HOME;
  let url: URL;
  try {
    url = new URL(wanted, origin);
  } catch {
    return HOME;
  }
  const inside = url.pathname === HOME || url.pathname.startsWith(`${HOME}/`);
  return url.origin === origin && inside ? url.pathname + url.search : HOME;
}
