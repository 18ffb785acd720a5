import { describe, expect, it } from "vitest";
import { checkoutView, formatPrice } from "./checkout";
import type { Checkout } from "./queries";

const CHECKOUT: Checkout = {
  checkout_id: "co_1",
  state: "open",
  pack: "starter",
  price: "10.00",
  currency: "usd",
  credit: "10.00",
  credit_nanos: "10000000000",
  automatic: false,
  payment_id: null,
  reason: null,
  url: null,
};

function view(state: string, { left = false, waited = 0, reason = null as string | null } = {}) {
  return checkoutView({ ...CHECKOUT, state, reason }, "$10.00", left, waited);
}

describe("coming back from the payment page", () => {
  it("waits while the payment is open or under way", () => {
    expect(view("open")).toMatchObject({ tone: "waiting", done: false });
    expect(view("processing")).toMatchObject({ title: "Waiting for the payment to be credited…", done: false });
  });

  it("says that one may leave when it takes long", () => {
    expect(view("processing", { waited: 19_999 }).text).not.toContain("leave");
    expect(view("processing", { waited: 20_000 }).text).toContain("You may leave this page");
  });

  it("ends when it is paid, even for somebody who left", () => {
    expect(view("paid", { left: true })).toMatchObject({ title: "$10.00 credited", tone: "good", done: true });
  });

  it("ends without a charge", () => {
    expect(view("open", { left: true })).toMatchObject({ title: "You left without paying", done: true });
    expect(view("expired").done).toBe(true);
    expect(view("failed", { reason: "card_declined" }).text).toBe(
      "Nothing was credited. The payment service says: card declined.",
    );
  });

  it("still waits where somebody left and the payment is under way all the same", () => {
    expect(view("processing", { left: true }).done).toBe(false);
  });

  it("shows prices in their currency, digit by digit", () => {
    expect(formatPrice("10.00", "usd")).toBe("$10.00");
    expect(formatPrice("1000", "jpy")).toBe("¥1,000");
    expect(formatPrice("9007199254740993.01", "eur")).toBe("€9,007,199,254,740,993.01");
  });
});
