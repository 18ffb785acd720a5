import { describe, expect, it } from "vitest";
import { usageCsv, usageFileName } from "./csv";
import { totalOf } from "./usage";

const HEAD =
  "requests,completed,released,input_tokens,cached_tokens,output_tokens,reasoning_tokens,web_search_calls,images,cost_usd";
const row = (group: string, cost_nanos: string) => ({
  ...totalOf([]),
  group,
  requests: 2,
  input_tokens: 1234567,
  cost_nanos,
});

describe("a file of usage", () => {
  it("has the rows in their order, and amounts with all nine decimals", () => {
    expect(usageCsv("model", [row("gpt-5.4", "90250"), row("a,b", "900719925474099301")], String)).toBe(
      `model,${HEAD}\r\ngpt-5.4,2,0,0,1234567,0,0,0,0,0,0.000090250\r\n"a,b",2,0,0,1234567,0,0,0,0,0,900719925.474099301\r\n`,
    );
  });

  it("has the names of keys next to their ids, and keeps formulas from running", () => {
    const [, line] = usageCsv("key", [row("key_1", "0")], () => '=HYPERLINK("x")').split("\r\n");
    expect(line).toBe(`key_1,"'=HYPERLINK(""x"")",2,0,0,1234567,0,0,0,0,0,0.000000000`);
  });

  it("has days as days, and hours as instants", () => {
    expect(usageCsv("day", [row("2026-11-26T00:00:00Z", "0")], String)).toContain("\r\n2026-11-26,2,");
    expect(usageCsv("hour", [row("2026-11-26T08:00:00Z", "0")], String)).toContain("\r\n2026-11-26T08:00:00Z,2,");
  });

  it("is named for its grouping and days", () => {
    const name = usageFileName("model", { from: "2026-11-01", to: "2026-11-26" });
    expect(name).toBe("realrouter-usage-by-model-2026-11-01-to-2026-11-26.csv");
  });
});
