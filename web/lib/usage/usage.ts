// Views of usage: the range of hours or days, the grouping, and the order.
//
// Rule 1: days and hours are UTC; a range ends with the current day or hour, or with a chosen day.
// Rule 2: a chart has a bar for every hour or day of its range; one without requests is zero, not a gap.
// Rule 3: a chart takes both its data and its range from one response, so that old data is never drawn over a new range.

import type { Schemas } from "@/lib/api/client";
import { nanos, toDecimal } from "@/lib/money";
import { formatDay, isoDay, MS_PER_DAY } from "@/lib/time";

export type UsageShown = Schemas["UsageShown"];
export type UsageGroup = Schemas["UsageGroup"];
export type Unit = "hour" | "day";
/** From an instant up to another, which is not included. */
export type Span = { from: string; to: string };
export type Bar = { at: string; name: string; short: string; requests: number };
export type Series = { id: string; name: string; values: bigint[] };
/** Spend by hour or day: the whole, its largest groups, and the name of the remaining group if there is exactly one. */
export type Spend = { whole: UsageShown; parts: { group: string; answer: UsageShown }[]; rest: string | null };
export type Counted = Exclude<keyof UsageGroup, "group" | "cost" | "cost_nanos">;
export type Sort = "name" | "requests" | "cost";
export type Order = "asc" | "desc";

export const RANGES = ["24h", "7d", "30d", "90d", "month"] as const;
export type Range = (typeof RANGES)[number];
export const RANGE_NAMES: Record<Range, string> = {
  "24h": "24 hours",
  "7d": "7 days",
  "30d": "30 days",
  "90d": "90 days",
  month: "This month",
};
export const RANGE_DAYS_MAX = 366;
/** The longest range that can be shown by hour. */
export const HOURLY_DAYS_MAX = 7;
/** The most groups that a chart shows separately; the rest form one more. */
export const STACKED_MAX = 4;
export const OTHER = "other";
const ALWAYS_HOURLY_DAYS_MAX = 2;
const TIMES_FROM_PERCENT = 900;
const MS_PER_HOUR = 3_600_000;
const HOURS_PER_DAY = 24;
const DAYS_OF: Record<Exclude<Range, "24h" | "month">, number> = { "7d": 7, "30d": 30, "90d": 90 };

/** The span of a preset range, at an instant. */
export function spanOfRange(range: Range, now: Date): Span {
  if (range === "24h") {
    const end = Math.floor(now.getTime() / MS_PER_HOUR) * MS_PER_HOUR + MS_PER_HOUR;
    return { from: instant(end - MS_PER_DAY), to: instant(end) };
  }
  const today = isoDay(now);
  return range === "month" ? spanOfDays(`${today.slice(0, 8)}01`, today) : lastDays(DAYS_OF[range], now);
}

/** The last `days` UTC days, including today. */
export function lastDays(days: number, now: Date): Span {
  return spanOfDays(isoDay(new Date(now.getTime() - (days - 1) * MS_PER_DAY)), isoDay(now));
}

/**
 * The span of chosen days, both included, in either order. A missing end is today, a missing start makes 30 days; a span above
 * the limit keeps its last days.
 */
export function spanOfChoice(from: string | null, to: string | null, now: Date): Span {
  const end = to ?? isoDay(now);
  const start = from ?? isoDay(new Date(startOf(end) - (DAYS_OF["30d"] - 1) * MS_PER_DAY));
  const [first, last] = start <= end ? [start, end] : [end, start];
  const earliest = startOf(last) - (RANGE_DAYS_MAX - 1) * MS_PER_DAY;
  return spanOfDays(isoDay(new Date(Math.max(startOf(first), earliest))), last);
}

function spanOfDays(first: string, last: string): Span {
  return { from: instant(startOf(first)), to: instant(startOf(last) + MS_PER_DAY) };
}

/** The first and the last UTC day of a range. */
export function daysOf(span: Span): { from: string; to: string } {
  return { from: span.from.slice(0, 10), to: isoDay(new Date(Date.parse(span.to) - 1)) };
}

export function lengthInDays(span: Span): number {
  return (Date.parse(span.to) - Date.parse(span.from)) / MS_PER_DAY;
}

export function mayBeHourly(span: Span): boolean {
  return lengthInDays(span) <= HOURLY_DAYS_MAX;
}

/** The unit of one bar. */
export function unitOf(span: Span, by: string): Unit {
  const days = lengthInDays(span);
  return days <= ALWAYS_HOURLY_DAYS_MAX || (by === "hour" && mayBeHourly(span)) ? "hour" : "day";
}

/** A bar for each hour or day in a response's range. */
export function barsOf(answer: UsageShown): Bar[] {
  const requests = new Map(answer.data.map((row) => [Date.parse(row.group), row.requests]));
  const steps = stepsOf(answer);
  const ofOneDay = steps.length <= HOURS_PER_DAY;
  return steps.map((at) => ({
    at: instant(at),
    ...nameOf(instant(at), unitOfAnswer(answer), ofOneDay),
    requests: requests.get(at) ?? 0,
  }));
}

/** The spend in each hour or day of a response's range. */
export function valuesOf(answer: UsageShown): bigint[] {
  const costs = new Map(answer.data.map((row) => [Date.parse(row.group), nanos(row.cost_nanos)]));
  return stepsOf(answer).map((at) => costs.get(at) ?? 0n);
}

/** Split a response by hour or day at an instant. */
export function splitAt(answer: UsageShown, at: string): [before: UsageShown, after: UsageShown] {
  const cut = Date.parse(at);
  const before = answer.data.filter((row) => Date.parse(row.group) < cut);
  const after = answer.data.filter((row) => Date.parse(row.group) >= cut);
  return [
    { ...answer, to_at: at, data: before },
    { ...answer, from_at: at, data: after },
  ];
}

/** The parts as series, and the remainder as one more. Without parts, the whole is the only series. */
export function seriesOf({ whole: total, parts, rest }: Spend): Series[] {
  const whole = valuesOf(total);
  if (parts.length === 0) return [{ id: "total", name: "Total", values: whole }];
  const series = parts.map(({ group, answer }) => ({ id: group, name: group, values: valuesOf(answer) }));
  const others = whole.map((sum, at) =>
    atLeastZero(series.reduce((left, { values }) => left - (values[at] ?? 0n), sum)),
  );
  if (others.every((value) => value === 0n)) return series;
  return [...series, { id: rest ?? OTHER, name: rest ?? "Other", values: others }];
}

/** The groups that a chart shows separately, and the remaining group if there is exactly one. */
export function stackOf(groups: readonly UsageGroup[]): { own: string[]; rest: string | null } {
  const spent = sorted(groups, "cost", "desc").filter((row) => nanos(row.cost_nanos) > 0n);
  const others = spent.slice(STACKED_MAX);
  return {
    own: spent.length < 2 ? [] : spent.slice(0, STACKED_MAX).map((row) => row.group),
    rest: others.length === 1 ? (others[0]?.group ?? null) : null,
  };
}

export function sum(values: readonly bigint[]): bigint {
  return values.reduce((all, value) => all + value, 0n);
}

export function spentIn(groups: readonly Pick<UsageGroup, "cost_nanos">[]): bigint {
  return sum(groups.map((row) => nanos(row.cost_nanos)));
}

/** Sort groups; ties are broken by name, so that the order is stable. */
export function sorted(
  groups: readonly UsageGroup[],
  by: Sort,
  order: Order,
  nameOfGroup: (group: string) => string = (group) => group,
): UsageGroup[] {
  const sign = order === "asc" ? 1 : -1;
  const byName = (one: UsageGroup, other: UsageGroup) =>
    nameOfGroup(one.group).localeCompare(nameOfGroup(other.group), "en");
  return [...groups].sort((one, other) => {
    if (by === "name") return sign * byName(one, other);
    const difference =
      by === "cost" ? compared(nanos(one.cost_nanos), nanos(other.cost_nanos)) : one.requests - other.requests;
    return difference === 0 ? byName(one, other) : sign * difference;
  });
}

/** The display names of keys, by id. Keys that share a name are distinguished by their hints. */
export function keyNames(keys: readonly { id: string; name: string; hint: string }[]): Map<string, string> {
  const shared = (name: string) => keys.filter((key) => key.name === name).length > 1;
  return new Map(keys.map(({ id, name, hint }) => [id, !name ? id : shared(name) ? `${name} (${hint})` : name]));
}

/** The sum of all groups. */
export function totalOf(groups: readonly UsageGroup[]): UsageGroup {
  const count = (field: Counted) => groups.reduce((all, row) => all + row[field], 0);
  const spent = spentIn(groups);
  return {
    group: "",
    requests: count("requests"),
    completed: count("completed"),
    released: count("released"),
    input_tokens: count("input_tokens"),
    cached_tokens: count("cached_tokens"),
    output_tokens: count("output_tokens"),
    reasoning_tokens: count("reasoning_tokens"),
    web_search_calls: count("web_search_calls"),
    images: count("images"),
    cost: toDecimal(spent),
    cost_nanos: spent.toString(),
  };
}

/** Spend compared with the previous `period`, in words; null if both are zero. */
export function changeInWords(now: bigint, before: bigint, period: string): string | null {
  if (now === 0n && before === 0n) return null;
  if (before === 0n) return `Nothing was spent in the previous ${period}`;
  const percent = Number(((now - before) * 100n) / before);
  if (percent === 0) return `About the same as in the previous ${period}`;
  if (percent >= TIMES_FROM_PERCENT)
    return `More than ${Math.floor(percent / 100) + 1} times as much as in the previous ${period}`;
  return `${Math.abs(percent)}% ${percent > 0 ? "more" : "less"} than in the previous ${period}`;
}

/** The name of an hour or day, and its label under a bar. `ofOneDay`: the label of an hour omits the day. */
export function nameOf(at: string, unit: Unit, ofOneDay = true): { name: string; short: string } {
  const hour = `${at.slice(11, 13)}:00`;
  const name = `${formatDay(at)} ${at.slice(0, 4)}`;
  return unit === "day"
    ? { name, short: formatDay(at) }
    : { name: `${name}, ${hour} UTC`, short: ofOneDay ? hour : `${formatDay(at)}, ${hour}` };
}

function stepsOf(answer: UsageShown): number[] {
  const step = unitOfAnswer(answer) === "hour" ? MS_PER_HOUR : MS_PER_DAY;
  const end = Date.parse(answer.to_at ?? answer.from_at);
  const steps: number[] = [];
  for (let at = Math.floor(Date.parse(answer.from_at) / step) * step; at < end; at += step) steps.push(at);
  return steps;
}

function unitOfAnswer(answer: UsageShown): Unit {
  return answer.by === "hour" ? "hour" : "day";
}

function startOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`);
}

/** An instant in the API's format, without zero milliseconds. */
function instant(at: number): string {
  return new Date(at).toISOString().replace(".000Z", "Z");
}

function atLeastZero(amount: bigint): bigint {
  return amount < 0n ? 0n : amount;
}

function compared(one: bigint, other: bigint): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
