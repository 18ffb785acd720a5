// What the usage page shows, as its URL has it.

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

/** Days that are given go before a range. */
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

export type Asked = {
  /** Null where days were chosen. */
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

/** What a URL asks for, with what it leaves open. */
export function asked(state: State, now: Date): Asked {
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

/** A click on a head: its usual order first, then the other one. What is usual is left out of the URL. */
export function ordered(column: Sort, { sort, order, by }: Asked): Pick<State, "sort" | "order"> {
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

/** The requests of a group: of its days, and of what else was filtered by. */
export function requestsHref(by: Group, group: string, days: { from: string; to: string }, state: State): string {
  const day = isTime(by) ? { from: group.slice(0, 10), to: group.slice(0, 10) } : days;
  const own = isTime(by) ? {} : { [by]: group };
  return `/dashboard/requests?${new URLSearchParams(chosen({ key: state.key, model: state.model, ...day, ...own }))}`;
}

/** Names from A to Z; the newest hour or day, and the largest figure first. */
function firstOrder(sort: Sort, by: Group): Order {
  return sort === "name" && !isTime(by) ? "asc" : "desc";
}

function opposite(order: Order): Order {
  return order === "asc" ? "desc" : "asc";
}
