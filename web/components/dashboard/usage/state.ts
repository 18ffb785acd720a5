// The usage page's state, as its URL stores it.

import { parseAsStringLiteral } from "nuqs";
import type { UsageFilter } from "@/lib/api/queries";
import { chosen, parseAsDay, parseAsId } from "@/lib/navigation/url-state";
import {
  mayBeHourly,
  type Order,
  RANGES,
  type Range,
  type Sort,
  type Span,
  spanOfChoice,
  spanOfRange,
  type Unit,
  unitOf,
} from "@/lib/usage/usage";

export const GROUPS = ["model", "key", "day", "hour"] as const;
export type Group = (typeof GROUPS)[number];

/** `from` and `to` take precedence over `range`. */
export const PARSERS = {
  range: parseAsStringLiteral(RANGES),
  from: parseAsDay,
  to: parseAsDay,
  by: parseAsStringLiteral(GROUPS),
  key: parseAsId,
  model: parseAsId,
  sort: parseAsStringLiteral(["name", "requests", "cost"] as const),
  order: parseAsStringLiteral(["asc", "desc"] as const),
};

export type State = {
  range: Range | null;
  from: string | null;
  to: string | null;
  by: Group | null;
  key: string | null;
  model: string | null;
  sort: Sort | null;
  order: Order | null;
};
export const RANGE_DEFAULT: Range = "30d";
export const NO_FILTERS = { range: null, from: null, to: null, key: null, model: null } as const;

export type View = {
  /** Null if days were chosen instead. */
  range: Range | null;
  span: Span;
  by: Group;
  unit: Unit;
  /** What the chart is stacked by. */
  stack: "key" | "model" | null;
  sort: Sort;
  order: Order;
  filter: Omit<UsageFilter, "by">;
};

/** The view that a URL describes, with defaults filled in. */
export function viewOf(state: State, now: Date): View {
  const range = state.from || state.to ? null : (state.range ?? RANGE_DEFAULT);
  const span = range ? spanOfRange(range, now) : spanOfChoice(state.from, state.to, now);
  const by = state.by === "hour" && !mayBeHourly(span) ? "day" : (state.by ?? "model");
  const sort = state.sort ?? (isTime(by) ? "name" : "cost");
  return {
    range,
    span,
    by,
    unit: unitOf(span, by),
    stack: isTime(by) || state[by] ? null : by,
    sort,
    order: state.order ?? firstOrder(sort, by),
    filter: { ...span, ...chosen({ key: state.key, model: state.model }) },
  };
}

/** The change when a column's head is clicked: its default order first, then the reverse. The URL omits the default. */
export function ordered(column: Sort, { sort, order, by }: View): Pick<State, "sort" | "order"> {
  const usual = firstOrder(column, by);
  const next = column === sort && order === usual ? opposite(usual) : usual;
  return { sort: column, order: next === usual ? null : next };
}

export function isTime(by: Group): by is "day" | "hour" {
  return by === "day" || by === "hour";
}

export function isFiltered(state: State): boolean {
  return Boolean(state.range || state.from || state.to || state.key || state.model);
}

/** The requests page, filtered to a group and to this page's own filters. */
export function requestsHref(by: Group, group: string, days: { from: string; to: string }, state: State): string {
  const day = isTime(by) ? { from: group.slice(0, 10), to: group.slice(0, 10) } : days;
  const own = isTime(by) ? {} : { [by]: group };
  return `/dashboard/requests?${new URLSearchParams(chosen({ key: state.key, model: state.model, ...day, ...own }))}`;
}

/** A column's default order: names from A to Z, but hours, days and figures from the newest or largest down. */
function firstOrder(sort: Sort, by: Group): Order {
  return sort === "name" && !isTime(by) ? "asc" : "desc";
}

function opposite(order: Order): Order {
  return order === "asc" ? "desc" : "asc";
}
