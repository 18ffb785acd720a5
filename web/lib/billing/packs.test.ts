import { describe, expect, it } from "vitest";
import { ApiError } from "@/lib/api/client";
import { extraOf, formatPrice, Intent } from "./packs";

describe("a price", () => {
  it.each([
    ["10.00", "usd", "$10.00"],
    ["1000", "jpy", "¥1,000"],
    ["500.00", "isk", "ISK 500"],
    ["12.500", "kwd", "KWD 12.500"],
    ["9007199254740993.01", "eur", "€9,007,199,254,740,993.01"],
    ["0.5", "usd", "$0.50"],
    ["10.005", "usd", "$10.005"],
    ["10", "zzz", "ZZZ 10.00"],
    ["1e3", "usd", "1e3 USD"],
  ])("of %s %s is %s", (price, currency, shown) => {
    expect(formatPrice(price, currency).replaceAll("\u00a0", " ")).toBe(shown);
  });
});

describe("what a pack credits beyond its price", () => {
  const pack = { id: "p", name: "P", price: "50.00", currency: "usd", credit: "", credit_nanos: "55000000000" };

  it("is a bonus, a fee, or nothing", () => {
    expect(extraOf(pack)).toBe(5_000_000_000n);
    expect(extraOf({ ...pack, price: "55.50" })).toBe(-500_000_000n);
    expect(extraOf({ ...pack, price: "55" })).toBe(0n);
  });

  it("is unknown if the price is in another currency", () => {
    expect(extraOf({ ...pack, currency: "eur" })).toBeNull();
  });
});

describe("the key of an intent", () => {
  it("stays the same until there is an answer, so that a second click starts no second checkout", () => {
    const intent = new Intent();
    const key = intent.keyFor("starter");
    for (const error of [new ApiError("No answer.", 0), new ApiError("Busy.", 503)]) {
      intent.answered(error);
      expect(intent.keyFor("starter")).toBe(key);
    }
  });

  it("changes with the intent, and after every answer", () => {
    const intent = new Intent();
    const keys = new Set([intent.keyFor("starter"), intent.keyFor("plus"), intent.keyFor("starter")]);
    intent.answered(new ApiError("Over.", 409));
    keys.add(intent.keyFor("starter"));
    intent.answered();
    keys.add(intent.keyFor("starter"));
    expect(keys.size).toBe(5);
  });
});
