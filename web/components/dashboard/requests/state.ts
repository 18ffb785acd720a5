// What the requests page shows, as its URL has it.

import { parseAsStringLiteral } from "nuqs";
import { chosen, dayAfter, parseAsDay, parseAsId } from "@/lib/navigation/url-state";
import type { RowFilter } from "@/lib/requests/rows";

export const OUTCOMES = ["debit", "release"] as const;

/** `before` is a cursor: an older page. `request` is the one whose sheet is open. */
export const PARSERS = {
  kind: parseAsStringLiteral(OUTCOMES),
  key: parseAsId,
  model: parseAsId,
  from: parseAsDay,
  to: parseAsDay,
  before: parseAsId,
  request: parseAsId,
};

export type Filters = {
  kind: (typeof OUTCOMES)[number] | null;
  key: string | null;
  model: string | null;
  from: string | null;
  to: string | null;
};
export const NO_FILTERS: Filters = { kind: null, key: null, model: null, from: null, to: null };

/** As the API takes it: the last day that people choose is included, the API's is not. */
export function toFilter({ kind, key, model, from, to }: Filters): RowFilter {
  return chosen({ kind, key, model, from, to: to && dayAfter(to) });
}

export function isFiltered(filters: Filters): boolean {
  return Object.keys(toFilter(filters)).length > 0;
}
