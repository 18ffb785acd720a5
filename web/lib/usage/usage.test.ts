import { describe, expect, it } from "vitest";
import {
  barsOf,
  changeInWords,
  daysOf,
  keyNames,
  lastDays,
  OTHER,
  RANGE_DAYS_MAX,
  type Spend,
  seriesOf,
  sorted,
  spanOfChoice,
  spanOfRange,
  splitAt,
  stackOf,
  totalOf,
  type UsageGroup,
  type UsageShown,
  unitOf,
  valuesOf,
} from "./usage";

const NOW = new Date("2026-11-26T08:47:31Z");

function group(name: string, costNanos = "0", requests = 1): UsageGroup {
  return { ...totalOf([]), group: name, requests, completed: requests, cost_nanos: costNanos };
}

function answer(by: string, from_at: string, to_at: string, data: UsageGroup[]): UsageShown {
  return { by, from_at, to_at, data, as_of: { position: 7 } };
}

describe("a range", () => {
  it.each([
    ["24h", "2026-11-25T09:00:00Z", "2026-11-26T09:00:00Z"],
    ["7d", "2026-11-20T00:00:00Z", "2026-11-27T00:00:00Z"],
    ["30d", "2026-10-28T00:00:00Z", "2026-11-27T00:00:00Z"],
    ["90d", "2026-08-29T00:00:00Z", "2026-11-27T00:00:00Z"],
    ["month", "2026-11-01T00:00:00Z", "2026-11-27T00:00:00Z"],
  ] as const)("of %s ends with the current hour or day", (range, from, to) => {
    expect(spanOfRange(range, NOW)).toEqual({ from, to });
  });

  it("includes an hour or day from its first instant", () => {
    const midnight = new Date("2026-12-01T00:00:00Z");
    expect(spanOfRange("24h", midnight)).toEqual({ from: "2026-11-30T01:00:00Z", to: "2026-12-01T01:00:00Z" });
    expect(daysOf(spanOfRange("month", midnight))).toEqual({ from: "2026-12-01", to: "2026-12-01" });
  });

  it("of chosen days includes both, in either order", () => {
    const span = { from: "2026-11-03T00:00:00Z", to: "2026-11-06T00:00:00Z" };
    expect(spanOfChoice("2026-11-03", "2026-11-05", NOW)).toEqual(span);
    expect(spanOfChoice("2026-11-05", "2026-11-03", NOW)).toEqual(span);
    expect(daysOf(span)).toEqual({ from: "2026-11-03", to: "2026-11-05" });
  });

  it("fills in an end that was not chosen", () => {
    expect(daysOf(spanOfChoice("2026-11-03", null, NOW))).toEqual({ from: "2026-11-03", to: "2026-11-26" });
    expect(daysOf(spanOfChoice(null, "2026-03-02", NOW))).toEqual({ from: "2026-02-01", to: "2026-03-02" });
  });

  it("is never longer than the limit", () => {
    const answered = answer("day", ...ends(spanOfChoice("1970-01-01", "2026-11-26", NOW)), []);
    expect(barsOf(answered)).toHaveLength(RANGE_DAYS_MAX);
    expect(barsOf(answered).at(-1)?.at).toBe("2026-11-26T00:00:00Z");
  });

  it.each([
    ["24h", "model", "hour"],
    ["7d", "model", "day"],
    ["7d", "hour", "hour"],
    ["30d", "hour", "day"],
  ] as const)("of %s by %s has bars by %s", (range, by, unit) => {
    expect(unitOf(spanOfRange(range, NOW), by)).toBe(unit);
  });
});

function ends({ from, to }: { from: string; to: string }): [string, string] {
  return [from, to];
}

describe("a chart's bars", () => {
  const days = answer("day", "2026-02-27T00:00:00Z", "2026-03-02T00:00:00Z", [
    group("2026-03-01T00:00:00Z", "900719925474099300", 3),
    group("2026-02-27T00:00:00Z", "1"),
  ]);

  it("cover all days of the range: a day without requests is zero", () => {
    expect(barsOf(days).map(({ short, requests }) => [short, requests])).toEqual([
      ["27 Feb", 1],
      ["28 Feb", 0],
      ["1 Mar", 3],
    ]);
    expect(valuesOf(days)).toEqual([1n, 0n, 900_719_925_474_099_300n]);
  });

  it("are hours, labelled without the day if there are no more than a day of them", () => {
    const hours = answer("hour", "2026-11-25T23:00:00Z", "2026-11-26T01:00:00Z", []);
    expect(barsOf(hours).map(({ short }) => short)).toEqual(["23:00", "00:00"]);
    expect(barsOf(hours)[0]?.name).toBe("25 Nov 2026, 23:00 UTC");
    const more = answer("hour", "2026-11-25T00:00:00Z", "2026-11-26T01:00:00Z", []);
    expect(barsOf(more).at(-1)?.short).toBe("26 Nov, 00:00");
  });

  it("are split at an instant", () => {
    const [before, after] = splitAt(days, "2026-02-28T00:00:00Z");
    expect([valuesOf(before), valuesOf(after)]).toEqual([[1n], [0n, 900_719_925_474_099_300n]]);
  });
});

describe("the parts of a whole", () => {
  const day = (cost: string) =>
    answer("day", "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z", [group("2026-11-26T00:00:00Z", cost)]);
  const spend = (whole: string, parts: string[], rest: string | null = null): Spend => ({
    whole: day(whole),
    parts: parts.map((cost, at) => ({ group: `m${at}`, answer: day(cost) })),
    rest,
  });

  it("are the whole alone if there are no groups", () => {
    expect(seriesOf(spend("10", []))).toEqual([{ id: "total", name: "Total", values: [10n] }]);
  });

  it("add up to the whole, together with the remainder", () => {
    expect(seriesOf(spend("10", ["6", "3"])).map(({ id, values }) => [id, values])).toEqual([
      ["m0", [6n]],
      ["m1", [3n]],
      [OTHER, [1n]],
    ]);
    expect(seriesOf(spend("10", ["6", "3"], "m2")).at(-1)?.name).toBe("m2");
  });

  it("leave no remainder if they are all of it, or were read a moment later", () => {
    expect(seriesOf(spend("9", ["6", "3"]))).toHaveLength(2);
    expect(seriesOf(spend("8", ["6", "3"]))).toHaveLength(2);
  });

  it("are the four with the highest spend, and the others", () => {
    const groups = ["a", "b", "c", "d", "e", "f"].map((name, at) => group(name, String(at)));
    expect(stackOf(groups)).toEqual({ own: ["f", "e", "d", "c"], rest: "b" });
    expect(stackOf([...groups, group("g", "9")])).toEqual({ own: ["g", "f", "e", "d"], rest: null });
    expect(stackOf([group("a", "5"), group("free")])).toEqual({ own: [], rest: null });
  });
});

describe("groups", () => {
  const rows = [group("b", "2", 5), group("a", "10", 5), group("c", "2", 30)];
  const names = (found: UsageGroup[]) => found.map((row) => row.group).join("");

  it("are sorted by exact cost, requests or name; ties by name", () => {
    expect(names(sorted(rows, "cost", "desc"))).toBe("abc");
    expect(names(sorted(rows, "cost", "asc"))).toBe("bca");
    expect(names(sorted(rows, "requests", "desc"))).toBe("cab");
    expect(names(sorted(rows, "name", "desc"))).toBe("cba");
    expect(names(sorted(rows, "name", "asc", (id) => ({ a: "z", b: "y" })[id] ?? id))).toBe("cba");
    expect(names(rows)).toBe("bac");
  });

  it("add up exactly", () => {
    const total = totalOf([group("a", "900719925474099301", 2), group("b", "1000000000")]);
    expect(total).toMatchObject({
      requests: 3,
      completed: 3,
      cost_nanos: "900719926474099301",
      cost: "900719926.474099301",
    });
  });

  it("of keys that share a name are distinguished", () => {
    const keys = [
      { id: "key_1", name: "app", hint: "…aa" },
      { id: "key_2", name: "app", hint: "…bb" },
      { id: "key_3", name: "", hint: "…cc" },
      { id: "key_4", name: "job", hint: "…dd" },
    ];
    expect([...keyNames(keys).values()]).toEqual(["app (…aa)", "app (…bb)", "key_3", "job"]);
  });
});

describe("a comparison", () => {
  it.each([
    [112n, 100n, "12% more than in the previous 30 days"],
    [50n, 100n, "50% less than in the previous 30 days"],
    [0n, 100n, "100% less than in the previous 30 days"],
    [1001n, 1000n, "About the same as in the previous 30 days"],
    [2001n, 100n, "More than 20 times as much as in the previous 30 days"],
    [1n, 0n, "Nothing was spent in the previous 30 days"],
  ])("of %s with %s", (now, before, words) => {
    expect(changeInWords(now, before, "30 days")).toBe(words);
  });

  it("of zero with zero is null", () => {
    expect(changeInWords(0n, 0n, "30 days")).toBeNull();
  });

  it("covers as many days before as after", () => {
    expect(daysOf(lastDays(60, NOW)).from).toBe("2026-09-28");
    expect(daysOf(lastDays(30, NOW)).from).toBe("2026-10-28");
  });
});
