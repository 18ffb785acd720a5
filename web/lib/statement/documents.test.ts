import { describe, expect, it } from "vitest";
import { formatMonth } from "@/lib/time";
import { ALL_TIME, EXPORTS, exportHref, monthsSince, periodProblem, statementHref } from "./documents";

describe("the months of an account", () => {
  it("are those since it was opened, in UTC, newest first", () => {
    expect(monthsSince("2025-11-30T23:59:59.999Z", new Date("2026-02-01T00:00:00Z"))).toEqual([
      "2026-02",
      "2026-01",
      "2025-12",
      "2025-11",
    ]);
    expect(monthsSince("2026-11-01T00:00:00Z", new Date("2026-11-30T23:59:59Z"))).toEqual(["2026-11"]);
  });

  it("include the first one even if this clock lags the gateway's", () => {
    expect(monthsSince("2026-12-01T00:00:03Z", new Date("2026-11-30T23:59:58Z"))).toEqual(["2026-12"]);
  });

  it("have names", () => {
    expect(formatMonth("2026-01")).toBe("January 2026");
  });

  it("each have a page", () => {
    expect(statementHref("2026-01")).toBe("/api/statements/2026-01?format=html");
  });
});

describe("the URL of an export", () => {
  const csv = { name: "CSV", kind: "csv", table: "usage" };

  it("names the table if the kind has tables, and no times for all time", () => {
    expect(exportHref(csv, ALL_TIME)).toBe("/api/exports/csv?table=usage");
    expect(exportHref({ name: "hledger", kind: "hledger" }, ALL_TIME)).toBe("/api/exports/hledger");
  });

  it("ends with the day after the last one, which the API excludes", () => {
    expect(exportHref(csv, { month: "2026-12" })).toBe("/api/exports/csv?table=usage&from=2026-12-01&to=2027-01-01");
    expect(exportHref(csv, { month: "2026-02" })).toBe("/api/exports/csv?table=usage&from=2026-02-01&to=2026-03-01");
    expect(exportHref(csv, { from: "2026-02-27", to: "2026-02-28" })).toBe(
      "/api/exports/csv?table=usage&from=2026-02-27&to=2026-03-01",
    );
    expect(exportHref(csv, { from: null, to: "2026-02-28" })).toBe("/api/exports/csv?table=usage&to=2026-03-01");
  });

  it("is different for each format", () => {
    const all = EXPORTS.flatMap(({ formats }) => formats.map((format) => exportHref(format, ALL_TIME)));
    expect(new Set(all).size).toBe(all.length);
  });
});

describe("the days of an export", () => {
  it("may be a single day, or open at either end, but may not be reversed", () => {
    expect(periodProblem({ from: "2026-02-28", to: "2026-02-28" })).toBeNull();
    expect(periodProblem({ from: "2026-02-28", to: null })).toBeNull();
    expect(periodProblem({ from: null, to: "2026-02-28" })).toBeNull();
    expect(periodProblem({ month: "2026-02" })).toBeNull();
    expect(periodProblem({ from: "2026-03-01", to: "2026-02-28" })).toBe("The first day is after the last day.");
  });
});
