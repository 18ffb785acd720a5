// Where to go after signing in: a page of the dashboard, whatever a link asks for.

const HOME = "/dashboard";

/** `asked` where it is a path of the dashboard on this site, else the dashboard. Never another origin. */
export function nextPath(asked: string | null, origin: string = window.location.origin): string {
  if (!asked?.startsWith("/")) return HOME;
  let url: URL;
  try {
    url = new URL(asked, origin);
  } catch {
    return HOME;
  }
  const inside = url.pathname === HOME || url.pathname.startsWith(`${HOME}/`);
  return url.origin === origin && inside ? url.pathname + url.search : HOME;
}
