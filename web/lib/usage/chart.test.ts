import { describe, expect, it } from "vitest";
import { formatShare, highest, labelEvery, percentOf, stacked, tickLabels, ticks } from "./chart";

describe("ticks", () => {
  it.each([
    [1_130_000_000n, ["$0.00", "$0.25", "$0.50", "$0.75", "$1.00", "$1.25"]],
    [90_250n, ["$0.00000", "$0.00002", "$0.00004", "$0.00006", "$0.00008", "$0.00010"]],
    [4_200_000_000_000n, ["$0.00", "$1,000.00", "$2,000.00", "$3,000.00", "$4,000.00", "$5,000.00"]],
    [0n, ["$0.00", "$0.01"]],
  ])("for %s are round amounts that reach it", (most, labels) => {
    expect(tickLabels(ticks(most))).toEqual(labels);
  });

  it.each([1n, 7n, 49n, 51n, 99_999n, 123_456_789n, 10n ** 18n + 1n])(
    "for %s are few, evenly spaced, and end at or above it",
    (most) => {
      const marks = ticks(most);
      const step = marks[1] ?? 0n;
      expect(marks.length).toBeLessThanOrEqual(6);
      expect(marks.every((mark, at) => mark === step * BigInt(at))).toBe(true);
      expect(marks.at(-1)).toBeGreaterThanOrEqual(most);
      expect(marks.at(-2)).toBeLessThan(most);
    },
  );
});

describe("shares", () => {
  it("are exact where a float would not be", () => {
    expect(percentOf(10n ** 24n + 1n, 10n ** 24n + 1n)).toBe(100);
    expect(percentOf(1n, 3n)).toBe(33.33);
    expect([percentOf(5n, 0n), percentOf(-1n, 3n)]).toEqual([0, 0]);
  });

  it.each([
    [0n, "0%"],
    [1n, "<0.1%"],
    [99n, "<0.1%"],
    [4_260n, "4.2%"],
    [5_000n, "5%"],
    [9_990n, "9.9%"],
    [38_400n, "38%"],
    [99_999n, "99%"],
    [100_000n, "100%"],
  ])("of %s in a hundred thousand are %s", (part, words) => {
    expect(formatShare(part, 100_000n)).toBe(words);
  });
});

describe("a stacked bar", () => {
  it("stacks boxes from the bottom up", () => {
    expect(stacked([50n, 0n, 25n], 100n, 200)).toEqual([
      { y: 100, height: 100 },
      { y: 100, height: 0 },
      { y: 50, height: 50 },
    ]);
  });

  it("shows every value that is not zero", () => {
    const [large, small] = stacked([10n ** 12n, 1n], 10n ** 12n + 1n, 200);
    expect(small?.height).toBeGreaterThanOrEqual(1);
    expect(large?.height).toBeGreaterThan(190);
    expect(stacked([0n], 100n, 200)).toEqual([{ y: 200, height: 0 }]);
  });
});

it("finds the highest amount, or zero", () => {
  expect([highest([]), highest([3n, 10n ** 20n, 5n])]).toEqual([0n, 10n ** 20n]);
});

it("labels no more bars than there is room for", () => {
  expect([1, 7, 8, 9, 24, 30, 90].map((bars) => labelEvery(bars, 8))).toEqual([1, 1, 1, 2, 3, 4, 12]);
});
