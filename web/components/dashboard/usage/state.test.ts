import { createLoader, createSerializer } from "nuqs";
import { describe, expect, it } from "vitest";
import { isFiltered, ordered, PARSERS, requestsHref, type State, viewOf } from "./state";

const NOW = new Date("2026-11-26T08:47:31Z");
const load = createLoader(PARSERS);
const write = createSerializer(PARSERS);
const from = (query: string) => viewOf(load(query), NOW);
const DAYS = { from: "2026-10-28", to: "2026-11-26" };

describe("the usage page's URL", () => {
  it("defaults to 30 days by model", () => {
    expect(from("")).toEqual({
      range: "30d",
      span: { from: "2026-10-28T00:00:00Z", to: "2026-11-27T00:00:00Z" },
      by: "model",
      unit: "day",
      stack: "model",
      sort: "cost",
      order: "desc",
      filter: { from: "2026-10-28T00:00:00Z", to: "2026-11-27T00:00:00Z" },
    });
  });

  it("ignores malformed values", () => {
    expect(from("?range=year&by=moon&from=2026-02-30&key=a%20b&sort=size&order=up")).toEqual(from(""));
  });

  it.each(["?range=90d&by=key&model=gpt-5.4&sort=requests&order=asc", "?from=2026-11-01&to=2026-11-10&by=day"])(
    "survives a round trip: %s",
    (query) => {
      expect(load(write(load(query)))).toEqual(load(query));
    },
  );

  it("prefers chosen days to a range", () => {
    const { range, span } = from("?range=7d&from=2026-11-01&to=2026-11-02");
    expect([range, span]).toEqual([null, { from: "2026-11-01T00:00:00Z", to: "2026-11-03T00:00:00Z" }]);
  });

  it("groups by hour only in a short range", () => {
    expect([from("?by=hour&range=7d").by, from("?by=hour&range=30d").by]).toEqual(["hour", "day"]);
  });

  it("stacks by model or key, unless the filter leaves only one", () => {
    expect(
      ["?by=key", "?by=key&key=key_1", "?by=model&key=key_1", "?by=day"].map((query) => from(query).stack),
    ).toEqual(["key", null, "model", null]);
  });

  it("filters by key and model", () => {
    expect(from("?key=key_1&model=a/b").filter).toMatchObject({ key: "key_1", model: "a/b" });
    expect([isFiltered(load("")), isFiltered(load("?by=key&sort=name")), isFiltered(load("?model=m"))]).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe("the order of the table", () => {
  it("is by cost, or newest first for days and hours", () => {
    expect([from("?by=key").sort, from("?by=day").sort, from("?by=day").order]).toEqual(["cost", "name", "desc"]);
    expect(from("?by=model&sort=name").order).toBe("asc");
  });

  it("is reversed by the second click, and restored by the third", () => {
    let state: State = load("");
    const seen: (string | null)[] = [];
    for (let click = 0; click < 3; click++) {
      state = { ...state, ...ordered("requests", viewOf(state, NOW)) };
      seen.push(`${viewOf(state, NOW).sort} ${viewOf(state, NOW).order}`);
    }
    expect(seen).toEqual(["requests desc", "requests asc", "requests desc"]);
  });
});

describe("the requests of a group", () => {
  it("are filtered by its days and by the page's filters", () => {
    const state = load("?key=key_1");
    expect(requestsHref("model", "a/b", DAYS, state)).toBe(
      "/dashboard/requests?key=key_1&model=a%2Fb&from=2026-10-28&to=2026-11-26",
    );
    expect(requestsHref("hour", "2026-11-20T08:00:00Z", DAYS, state)).toBe(
      "/dashboard/requests?key=key_1&from=2026-11-20&to=2026-11-20",
    );
  });
});
