import { describe, expect, it } from "vitest";
import { aligned, decimalsOf, formatUsd, formatUsdExact, nanos, parseUsd, toDecimal, wholeQuotient } from "./money";

describe("amounts", () => {
  it("are integers of nano-USD, however large", () => {
    expect(nanos("9007199254740993000000001")).toBe(9007199254740993000000001n);
    expect(formatUsdExact(nanos("9007199254740993000000001"))).toBe("$9,007,199,254,740,993.000000001");
  });

  it.each(["", "1.5", "1e9", " 1", "0x10", "NaN"])("refuse %j as nanos", (text) => {
    expect(() => nanos(text)).toThrow(SyntaxError);
  });

  it.each([
    [0n, "$0.00"],
    [1n, "$0.000000001"],
    [1_230_000n, "$0.00123"],
    [1_000_000_000n, "$1.00"],
    [-2_500_000_000n, "−$2.50"],
    [1_234_567_890_123n, "$1,234.567890123"],
  ])("show %s exactly as %s", (amount, text) => {
    expect(formatUsdExact(amount)).toBe(text);
  });

  it.each([
    [0n, "$0.00"],
    [1n, "$0.000000001"],
    [12n, "$0.000000012"],
    [1_234_567n, "$0.00123"],
    [1_235_000n, "$0.00124"],
    [-1_235_000n, "−$0.00124"],
    [9_999_999n, "$0.01"],
    [10_000_000n, "$0.01"],
    [43_125_000n, "$0.0431"],
    [999_990_000n, "$1.00"],
    [12_345_678_901n, "$12.35"],
    [-12_345_678_901n, "−$12.35"],
  ])("show %s rounded as %s", (amount, text) => {
    expect(formatUsd(amount)).toBe(text);
  });

  it("round a balance down, also below zero", () => {
    expect(formatUsd(9_999_999_999n, "down")).toBe("$9.99");
    expect(formatUsd(-1_000_000_001n, "down")).toBe("−$1.01");
  });

  it("align at their decimal points", () => {
    expect(aligned(1_500_000_000n, 5)).toEqual({ shown: "$1.50", zeros: "000" });
    expect(aligned(12_340_000n, 5)).toEqual({ shown: "$0.01234", zeros: "" });
    expect(decimalsOf(12_340_000n)).toBe(5);
  });

  it.each([
    ["1", 1_000_000_000n],
    ["$ 0.000000001", 1n],
    ["12.50", 12_500_000_000n],
  ])("are read from %j", (text, amount) => {
    expect(parseUsd(text)).toBe(amount);
  });

  it.each(["", "-1", "1,5", "1.0000000001", "abc", "1e3", "12345678901"])("are not read from %j", (text) => {
    expect(parseUsd(text)).toBeNull();
  });

  it("go back to the API as decimal strings", () => {
    for (const text of ["0", "1.25", "0.000000001", "100"]) expect(toDecimal(parseUsd(text) ?? -1n)).toBe(text);
    expect(toDecimal(-1_500_000_000n)).toBe("-1.5");
  });

  it("have whole quotients", () => {
    expect(wholeQuotient(10_000_000_000n, 3_000_000_000n)).toBe(3);
    expect(wholeQuotient(10n, 0n)).toBeNull();
    expect(wholeQuotient(-10n, 3n)).toBeNull();
  });
});
