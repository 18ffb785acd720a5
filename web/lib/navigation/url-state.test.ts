import { describe, expect, it } from "vitest";
import { chosen, dayAfter, parseAsDay, parseAsId } from "./url-state";

describe("the state of a URL", () => {
  it.each(["2026-11-26", "2024-02-29"])("reads the day %s", (day) => {
    expect(parseAsDay.parse(day)).toBe(day);
  });

  it.each(["2026-02-29", "2026-13-01", "26-11-2026", "2026-11-26T00:00", "", "today"])(
    "rejects %j as a day",
    (text) => {
      expect(parseAsDay.parse(text)).toBeNull();
    },
  );

  it("reads ids, and rejects anything that cannot be one", () => {
    expect(parseAsId.parse("req_01")).toBe("req_01");
    for (const text of ["", "a b", "é", "x".repeat(129), "a\nb"]) expect(parseAsId.parse(text)).toBeNull();
  });

  it("includes the last day of a range", () => {
    expect(dayAfter("2026-12-31")).toBe("2027-01-01");
  });

  it("omits what was not chosen", () => {
    expect(chosen({ key: null, model: "", from: "2026-11-01", limit: 0 })).toEqual({ from: "2026-11-01", limit: 0 });
  });
});
