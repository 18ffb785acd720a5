import { createLoader, createSerializer } from "nuqs";
import { describe, expect, it } from "vitest";
import { isFiltered, NO_FILTERS, PARSERS, toFilter } from "./state";

const load = createLoader(PARSERS);
const write = createSerializer(PARSERS);

describe("the state of the requests page", () => {
  it("is read from a URL and written back", () => {
    const query = "?kind=release&key=key_1&model=small&from=2026-11-01&to=2026-11-30&before=cDY1MA&request=req_1";
    const state = load(query);
    expect(state).toEqual({
      kind: "release",
      key: "key_1",
      model: "small",
      from: "2026-11-01",
      to: "2026-11-30",
      before: "cDY1MA",
      request: "req_1",
    });
    expect(write(state)).toBe(query);
  });

  it("ignores malformed values", () => {
    const state = load("?kind=grant&key=a%20b&from=2026-02-30&to=yesterday");
    expect(Object.values(state).every((value) => value === null)).toBe(true);
    expect(isFiltered(state)).toBe(false);
  });

  it("includes the last day", () => {
    expect(toFilter({ ...NO_FILTERS, from: "2026-11-26", to: "2026-11-30" })).toEqual({
      from: "2026-11-26",
      to: "2026-12-01",
    });
  });
});
