import { describe, expect, it } from "vitest";
import example from "@/lib/example.json";
import { formatUsdExact } from "@/lib/money";
import { costOf, formatPerMillion, formatPicos, imageSizes, type Pricing, picos, type Use } from "./prices";

const NOTHING: Use = { input: 0, cached: 0, output: 0, searches: 0, images: 0 };
const MINI: Pricing = {
  prompt: "0.00000025",
  completion: "0.000002",
  input_cache_read: "0.000000025",
  web_search: "0.01",
  image: "0.04",
};
const LONG: Pricing = {
  ...MINI,
  above: [
    { input_tokens: 200_000, prompt: "0.0000005", completion: "0.000003", input_cache_read: "0.00000005" },
    { input_tokens: 100_000, prompt: "0.0000004", completion: "0.0000025", input_cache_read: "0.00000004" },
  ],
  service_tiers: { priority: { prompt: "0.000001", completion: "0.000008", input_cache_read: "0.0000001" } },
  image: { "low/1024x1024": "0.011", "high/1024x1024": "0.167" },
};

describe("prices", () => {
  it("are whole picos", () => {
    expect(picos("0.000000000001")).toBe(1n);
    expect(picos("1")).toBe(1_000_000_000_000n);
    expect(picos("0.04")).toBe(40_000_000_000n);
  });

  it.each(["", "-1", "1e-6", "0.0000000000001", ".5", "1.", "NaN"])("are not read from %j", (text) => {
    expect(() => picos(text)).toThrow(SyntaxError);
  });

  it.each([
    ["0.00000025", "$0.25"],
    ["0.000000025", "$0.025"],
    ["0.000015", "$15.00"],
    ["0.000000000001", "$0.000001"],
  ])("%s per token is %s per million", (price, shown) => {
    expect(formatPerMillion(price)).toBe(shown);
  });

  it.each([
    [0n, "$0.00"],
    [1n, "$0.000000000001"],
    [2_750_000n, "$0.00000275"],
    [1_500_000_000_001n, "$1.500000000001"],
    [1_234_000_000_000_100n, "$1,234.0000000001"],
  ])("%s picos are %s", (amount, shown) => {
    expect(formatPicos(amount)).toBe(shown);
  });
});

describe("a cost", () => {
  it("is zero for no use", () => {
    expect(costOf(MINI, NOTHING)).toEqual({ lines: [], total: 0n, above: null });
  });

  it("equals the one on the front page", () => {
    const [read, written] = example.lines;
    const { lines, total } = costOf(MINI, { ...NOTHING, input: read?.quantity ?? 0, output: written?.quantity ?? 0 });
    expect(lines.map(({ kind, amount }) => [kind, formatPicos(amount)])).toEqual(
      example.lines.map(({ kind, amount }) => [kind, `$${amount}`]),
    );
    expect(total.toString()).toBe(example.cost_nanos);
  });

  it("has a line for each kind, and the total is their sum", () => {
    const { lines, total } = costOf(MINI, { input: 1_000, cached: 3_000, output: 500, searches: 2, images: 1 });
    expect(lines.map(({ kind, amount }) => [kind, formatPicos(amount)])).toEqual([
      ["input", "$0.00025"],
      ["cached_input", "$0.000075"],
      ["output", "$0.001"],
      ["web_search_call", "$0.02"],
      ["image", "$0.04"],
    ]);
    expect(formatUsdExact(total)).toBe("$0.061325");
  });

  it("is rounded up to a nano, with a rounding line", () => {
    const { lines, total } = costOf({ prompt: "0.000000000007" }, { ...NOTHING, input: 143 });
    expect(lines.map(({ kind, amount }) => [kind, amount])).toEqual([
      ["input", 1_001n],
      ["rounding", 999n],
    ]);
    expect(total).toBe(2n);
  });

  it("stays exact where floating point would not", () => {
    const { total } = costOf({ prompt: "0.000000000001" }, { ...NOTHING, input: Number.MAX_SAFE_INTEGER });
    expect(total).toBe(9_007_199_254_741n);
  });

  it.each([
    [60_000, 40_000, null, "0.00000025"],
    [60_000, 40_001, 100_000, "0.0000004"],
    [200_000, 0, 100_000, "0.0000004"],
    [200_001, 0, 200_000, "0.0000005"],
  ])("with %s and %s cached tokens uses the tier above %s", (input, cached, above, price) => {
    const cost = costOf(LONG, { ...NOTHING, input, cached });
    expect(cost.above).toBe(above);
    expect(cost.lines[0]?.price).toBe(picos(price));
  });

  it("uses the service tier's prices, or the standard ones if it has none", () => {
    expect(costOf(LONG, { ...NOTHING, output: 1 }, "priority").total).toBe(8_000n);
    expect(costOf(LONG, { ...NOTHING, output: 1 }, "default").total).toBe(2_000n);
  });

  it("uses an image's own price, or the highest if the table has none", () => {
    expect(imageSizes(LONG)).toEqual(["low/1024x1024", "high/1024x1024"]);
    expect(imageSizes(MINI)).toEqual([]);
    expect(costOf(LONG, { ...NOTHING, images: 2 }, undefined, "high/1024x1024").total).toBe(334_000_000n);
    expect(costOf(LONG, { ...NOTHING, images: 1 }, undefined, "an unlisted size").total).toBe(167_000_000n);
    expect(costOf(MINI, { ...NOTHING, images: 2 }, undefined, "high/1024x1024").total).toBe(80_000_000n);
  });

  it("has no line for kinds without a price", () => {
    expect(costOf({ prompt: "0.000001" }, { ...NOTHING, searches: 5, images: 5 }).lines).toEqual([]);
  });
});
