// The requests page's state, as its URL stores it.

import { parseAsStringLiteral } from "nuqs";
import { chosen, dayAfter, parseAsDay, parseAsId } from "@/lib/navigation/url-state";
import type { RowFilter } from "@/lib/requests/rows";

export const OUTCOMES = ["debit", "release"] as const;

/** `before` is the cursor of an older page. `request` is the request whose sheet is open. */
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

/** The filter in the API's form: the page's last day is included in the range, the API's `to` is not. */
export function toFilter({ kind, key, model, from, to }: Filters): RowFilter {
  return chosen({ kind, key, model, from, to: to && dayAfter(to) });
}

export function isFiltered(filters: Filters): boolean {
  return Object.keys(toFilter(filters)).length > 0;
}
