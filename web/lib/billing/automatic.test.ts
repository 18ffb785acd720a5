import { describe, expect, it } from "vitest";
import { type Automatic, problemOf, readTerms, standingOf, termsOf } from "./automatic";

const PACKS = [
  { id: "starter", name: "Starter", price: "10.00", currency: "usd", credit: "10.00", credit_nanos: "10000000000" },
  { id: "plus", name: "Plus", price: "50.00", currency: "usd", credit: "55.00", credit_nanos: "55000000000" },
];
const NOW: Automatic = {
  enabled: true,
  payment_method_saved: true,
  pack: "plus",
  threshold: "5.00",
  threshold_nanos: "5000000000",
  monthly_ceiling: "200.00",
  monthly_ceiling_nanos: "200000000000",
  state: "armed",
  problem: null,
};

describe("automatic top-up in words", () => {
  it("describes every state", () => {
    expect(standingOf(NOW, PACKS)).toBe(
      "Buys Plus when the balance falls below $5.00, up to $200.00 of credit per month.",
    );
    const words = (["charging", "charged", "ceiling"] as const).map((state) => standingOf({ ...NOW, state }, PACKS));
    expect(words[0]).toContain("is being bought");
    expect(words[1]).toContain("bought again only after");
    expect(words[2]).toContain("$200.00 of credit for this UTC month");
    expect(standingOf({ ...NOW, state: "off" }, PACKS)).toBeNull();
  });

  it("shows the id of a pack that is no longer sold", () => {
    expect(standingOf({ ...NOW, pack: "gone" }, PACKS)).toContain("Buys gone when");
  });

  it("gives the reason it was switched off, as a sentence", () => {
    const problem = "the payment was refused: card_declined";
    expect(problemOf({ ...NOW, state: "off", problem })).toBe("The payment was refused: card declined.");
    expect(problemOf(NOW)).toBeNull();
  });
});

describe("the terms of automatic top-up", () => {
  it("start from the saved ones, or from defaults", () => {
    expect(termsOf(NOW, PACKS)).toEqual({ pack: "plus", threshold: "5.00", ceiling: "200.00" });
    expect(termsOf({ ...NOW, pack: null, threshold: "0.00" }, PACKS)).toEqual({
      pack: "starter",
      threshold: "5.00",
      ceiling: "100.00",
    });
    expect(termsOf({ ...NOW, pack: "gone" }, PACKS)).toMatchObject({ pack: "starter", threshold: "5.00" });
  });

  it("are sent as exact decimals", () => {
    expect(readTerms({ pack: "starter", threshold: " $2.50 ", ceiling: "10" }, PACKS)).toEqual({
      enabled: true,
      pack: "starter",
      threshold: "2.5",
      monthly_ceiling: "10",
    });
  });

  it.each([
    ["five", "100", ["threshold"]],
    ["0", "100", ["threshold"]],
    ["5", "54.999999999", ["monthly_ceiling"]],
    ["-1", "", ["threshold", "monthly_ceiling"]],
  ])("are refused at their fields for %j and %j", (threshold, ceiling, fields) => {
    const read = readTerms({ pack: "plus", threshold, ceiling }, PACKS);
    expect(Object.keys(read)).toEqual(fields);
  });
});
