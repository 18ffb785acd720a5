// Filters and ranges in the URL. Malformed values are ignored.

import { createParser } from "nuqs";
import { isoDay, MS_PER_DAY } from "@/lib/time";

const ID_LENGTH_MAX = 128;

/** A UTC day, as "2026-11-26". */
export const parseAsDay = createParser<string>({
  parse: (text) => {
    if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null;
    const at = Date.parse(`${text}T00:00:00Z`);
    return Number.isNaN(at) || isoDay(new Date(at)) !== text ? null : text;
  },
  serialize: (day) => day,
});

/** An id of any kind: at most ID_LENGTH_MAX printable ASCII characters, without spaces. */
export const parseAsId = createParser<string>({
  parse: (text) => (text.length <= ID_LENGTH_MAX && /^[\x21-\x7e]+$/.test(text) ? text : null),
  serialize: (id) => id,
});

/** The day after, for the API's `to`, which is not included; a range chosen on a page includes its last day. */
export function dayAfter(day: string): string {
  return isoDay(new Date(Date.parse(`${day}T00:00:00Z`) + MS_PER_DAY));
}

/** A filter without its empty entries. */
export function chosen<T extends Record<string, unknown>>(filter: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(filter).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}
