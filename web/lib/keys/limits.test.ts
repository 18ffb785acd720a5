import { describe, expect, it } from "vitest";
import { changeOf, formOf, type Limits, limitsInWords, localMinute, NO_LIMITS, readLimits } from "./limits";

const NONE = {
  models: null,
  monthly_budget: null,
  monthly_budget_nanos: null,
  requests_per_minute: null,
  tokens_per_minute: null,
  concurrency: null,
  expires_at: null,
};
const FULL = {
  models: ["b", "a"],
  monthly_budget: "5.00",
  monthly_budget_nanos: "5000000000",
  requests_per_minute: 60,
  tokens_per_minute: 100_000,
  concurrency: 1,
  expires_at: "2027-01-31T12:30:45.123456Z",
};

function read(form: Parameters<typeof readLimits>[0]): Limits {
  const { limits, errors } = readLimits(form);
  if (!limits) throw new Error(JSON.stringify(errors));
  return limits;
}

describe("a key's limits as a form", () => {
  it("are none if the form is empty", () => {
    const { monthly_budget_nanos, ...none } = NONE;
    expect(read(NO_LIMITS)).toEqual(none);
    expect(formOf(NONE)).toEqual(NO_LIMITS);
  });

  it("are read leniently", () => {
    const form = {
      ...NO_LIMITS,
      monthly_budget: " $5 ",
      requests_per_minute: "1,000",
      tokens_per_minute: "1000000000",
    };
    expect(read(form)).toMatchObject({
      monthly_budget: "5",
      requests_per_minute: 1_000,
      tokens_per_minute: 1_000_000_000,
    });
  });

  it.each([
    ["monthly_budget", "0"],
    ["monthly_budget", "-1"],
    ["monthly_budget", "1e3"],
    ["monthly_budget", "1.0000000001"],
    ["requests_per_minute", "0"],
    ["requests_per_minute", "1.5"],
    ["tokens_per_minute", "1000000001"],
    ["concurrency", "many"],
    ["expires_at", "tomorrow"],
  ])("are refused if %s is %j, with all errors at once", (field, text) => {
    const { errors } = readLimits({ ...NO_LIMITS, [field]: text });
    expect(Object.keys(errors ?? {})).toEqual([field]);
    const both = readLimits({ ...NO_LIMITS, [field]: text, monthly_budget: "x", concurrency: "x" });
    expect(Object.keys(both.errors ?? {})).toEqual(expect.arrayContaining([field, "monthly_budget", "concurrency"]));
  });

  it("keep an expiry to the minute, in the local time zone", () => {
    const at = new Date(2027, 0, 5, 7, 8, 59);
    expect(localMinute(at)).toBe("2027-01-05T07:08");
    expect(read({ ...NO_LIMITS, expires_at: "2027-01-05T07:08" }).expires_at).toBe(
      new Date(2027, 0, 5, 7, 8).toISOString(),
    );
  });
});

describe("a change of limits", () => {
  const before = read(formOf(FULL));

  it("is empty if nothing was changed", () => {
    expect(changeOf(before, before)).toEqual({});
    expect(changeOf(before, read({ ...formOf(FULL), models: ["a", "b"], monthly_budget: "5.0" }))).toEqual({});
  });

  it("contains only what was changed", () => {
    const after = read({ ...formOf(FULL), requests_per_minute: "61", models: ["a"] });
    expect(changeOf(before, after)).toEqual({ requests_per_minute: 61, models: ["a"] });
  });

  it("removes a limit with null", () => {
    expect(changeOf(before, read({ ...formOf(FULL), monthly_budget: "", models: [], expires_at: "" }))).toEqual({
      monthly_budget: null,
      models: null,
      expires_at: null,
    });
  });
});

describe("limits in words", () => {
  it("are empty for a key without limits", () => {
    expect(limitsInWords(NONE)).toEqual([]);
  });

  it("name each limit", () => {
    expect(limitsInWords(FULL)).toEqual([
      "b, a",
      "$5.00 per month",
      "60 requests per minute",
      "100,000 tokens per minute",
      "1 concurrent request",
    ]);
    expect(limitsInWords({ ...NONE, models: ["a", "b", "c"] })).toEqual(["3 models"]);
  });

  it("show a budget exactly", () => {
    expect(limitsInWords({ ...NONE, monthly_budget_nanos: "1" })).toEqual(["$0.000000001 per month"]);
  });
});
