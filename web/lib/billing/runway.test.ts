import { describe, expect, it } from "vitest";
import { outlook, runwayDays } from "./runway";

const USD = 1_000_000_000n;

describe("how long the balance lasts", () => {
  it("is counted in whole days, by the spend of a week, without a float", () => {
    expect(runwayDays(10n * USD, 7n * USD)).toBe(10);
    expect(runwayDays(10n * USD - 1n, 7n * USD)).toBe(9);
    expect(runwayDays(10n * USD, 0n)).toBeNull();
  });

  it.each([
    [70n, 7n, "neutral", "About 70 days left at the pace of the last 7 days."],
    [7n, 7n, "neutral", "About 7 days left at the pace of the last 7 days."],
    [6n, 7n, "warning", "About 6 days left at the pace of the last 7 days."],
    [1n, 7n, "warning", "About a day left at the pace of the last 7 days."],
    [1n, 70n, "warning", "Less than a day left at the pace of the last 7 days."],
    [9_999n, 1n, "neutral", "More than a year left at the pace of the last 7 days."],
    [5n, 0n, "neutral", "Nothing was spent in the last 7 days."],
  ])("with %s USD after spending %s USD in a week is shown", (available, spent, tone, text) => {
    expect(outlook({ available: available * USD, spent: spent * USD, threshold: null })).toMatchObject({ tone, text });
  });

  it("is a danger if nothing is left", () => {
    for (const available of [0n, -1n]) {
      expect(outlook({ available, spent: USD, threshold: USD })?.tone).toBe("danger");
    }
  });

  it("is only a warning if nothing was spent either", () => {
    expect(outlook({ available: 0n, spent: 0n, threshold: null })).toMatchObject({
      tone: "warning",
      title: "No credit yet",
    });
  });

  it("is no reason for a warning if automatic top-up is on", () => {
    expect(outlook({ available: 6n * USD, spent: 7n * USD, threshold: 5n * USD })?.tone).toBe("neutral");
    expect(outlook({ available: 4n * USD, spent: 7n * USD, threshold: 5n * USD })?.title).toBe("Below the threshold");
  });

  it("is not shown while the spend is unknown", () => {
    expect(outlook({ available: USD, spent: null, threshold: null })).toBeNull();
  });
});
