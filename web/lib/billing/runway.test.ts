import { describe, expect, it } from "vitest";
import { outlook, runwayDays } from "./runway";

const USD = 1_000_000_000n;

describe("how long the balance lasts", () => {
  it("is counted in whole days, by the pace of a week, without a float", () => {
    expect(runwayDays(10n * USD, 7n * USD)).toBe(10);
    expect(runwayDays(10n * USD - 1n, 7n * USD)).toBe(9);
    expect(runwayDays(10n * USD, 0n)).toBeNull();
  });

  it.each([
    [70n, 7n, "neutral", "Lasts about 70 days at the pace of the last 7 days."],
    [7n, 7n, "neutral", "Lasts about 7 days at the pace of the last 7 days."],
    [6n, 7n, "warning", "It lasts about 6 days at the pace of the last 7 days."],
    [1n, 7n, "warning", "It lasts about a day at the pace of the last 7 days."],
    [1n, 70n, "warning", "It lasts less than a day at the pace of the last 7 days."],
    [9_999n, 1n, "neutral", "Lasts more than a year at the pace of the last 7 days."],
    [5n, 0n, "neutral", "No spend in the last 7 days."],
  ])("with %s USD after %s USD in a week is told", (available, spent, tone, text) => {
    expect(outlook({ available: available * USD, spent: spent * USD, threshold: null })).toMatchObject({ tone, text });
  });

  it("is no question where nothing is left", () => {
    for (const available of [0n, -1n]) {
      expect(outlook({ available, spent: USD, threshold: USD })?.tone).toBe("danger");
    }
  });

  it("is only to begin where nothing was spent either", () => {
    expect(outlook({ available: 0n, spent: 0n, threshold: null })).toMatchObject({
      tone: "warning",
      title: "No credit yet",
    });
  });

  it("is no reason to warn where automatic top-up is on", () => {
    expect(outlook({ available: 6n * USD, spent: 7n * USD, threshold: 5n * USD })?.tone).toBe("neutral");
    expect(outlook({ available: 4n * USD, spent: 7n * USD, threshold: 5n * USD })?.title).toBe("Below the threshold");
  });

  it("is not guessed while the spend is not known", () => {
    expect(outlook({ available: USD, spent: null, threshold: null })).toBeNull();
  });
});
