// Instants and days. The API's days are UTC days; instants are shown in the user's local time zone.

export const MS_PER_DAY = 86_400_000;

/** "26 Nov 2026, 08:03", in the local time zone. */
export function formatInstant(at: string, withSeconds = false): string {
  return new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    ...(withSeconds ? { second: "2-digit" as const } : {}),
  }).format(new Date(at));
}

/** "26 Nov", of a UTC day. */
export function formatDay(at: string): string {
  return new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(at));
}

/** "November 2026", of "2026-11". */
export function formatMonth(month: string): string {
  const at = new Date(`${month}-01T00:00:00Z`);
  return new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" }).format(at);
}

/** "2026-11-26", the UTC day of an instant. */
export function isoDay(at: Date): string {
  return at.toISOString().slice(0, 10);
}

/** The UTC days from `from` to `to`, both included, as "2026-11-26". */
export function daysBetween(from: string, to: string): string[] {
  const days: string[] = [];
  const end = Date.parse(`${to}T00:00:00Z`);
  for (let at = Date.parse(`${from}T00:00:00Z`); at <= end; at += MS_PER_DAY) days.push(isoDay(new Date(at)));
  return days;
}

/** A duration: "840 ms" or "2.4 s". */
export function formatDuration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}

/** 12,345 */
export function formatCount(count: number): string {
  return new Intl.NumberFormat("en-US").format(count);
}
