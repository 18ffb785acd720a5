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
  it("says what it does in every state", () => {
    expect(standingOf(NOW, PACKS)).toBe(
      "Buys Plus when less than $5.00 is available, for at most $200.00 of credit in a month.",
    );
    const said = (["charging", "charged", "ceiling"] as const).map((state) => standingOf({ ...NOW, state }, PACKS));
    expect(said[0]).toContain("is being bought");
    expect(said[1]).toContain("buys again after");
    expect(said[2]).toContain("$200.00 of credit in this UTC month");
    expect(standingOf({ ...NOW, state: "off" }, PACKS)).toBeNull();
  });

  it("names a pack that is sold no more by its id", () => {
    expect(standingOf({ ...NOW, pack: "gone" }, PACKS)).toContain("Buys gone when");
  });

  it("says why it was switched off, as a sentence", () => {
    const problem = "the payment was refused: card_declined";
    expect(problemOf({ ...NOW, state: "off", problem })).toBe("The payment was refused: card declined.");
    expect(problemOf(NOW)).toBeNull();
  });
});

describe("the terms of automatic top-up", () => {
  it("begin as they stand, or as a proposal", () => {
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
