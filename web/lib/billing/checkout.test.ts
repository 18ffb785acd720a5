import { describe, expect, it } from "vitest";
import type { Checkout } from "@/lib/api/queries";
import { checkoutView, pollMs, SLOW_MS } from "./checkout";

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
const URL = "https://pay.example/1";

function view(answer: Partial<Checkout>, { left = false, waited = 0 } = {}) {
  return checkoutView({ ...CHECKOUT, ...answer }, "$10.00", left, waited);
}

describe("a checkout", () => {
  it("waits while its payment is looked up or in progress", () => {
    expect(view({ state: "open" })).toMatchObject({ tone: "waiting", title: "Waiting for the payment…", done: false });
    expect(view({ state: "processing" })).toMatchObject({
      tone: "waiting",
      title: "Waiting for the payment to be credited…",
      done: false,
    });
  });

  it("waits in a state that this page does not know", () => {
    expect(view({ state: "reviewed" })).toMatchObject({ tone: "waiting", done: false });
  });

  it("says that it is safe to leave after a long wait", () => {
    expect(view({ state: "processing" }, { waited: SLOW_MS - 1 }).text).not.toContain("leave");
    expect(view({ state: "processing" }, { waited: SLOW_MS }).text).toContain("You can leave this page");
  });

  it("can still be paid while its payment page is open", () => {
    expect(view({ url: URL })).toMatchObject({
      title: "This checkout has not been paid yet",
      payable: true,
      done: false,
    });
    expect(view({ url: URL }, { left: true })).toMatchObject({
      title: "You left before paying",
      payable: true,
      done: true,
    });
  });

  it("is paid once the ledger says so, even if the visitor left", () => {
    const paid = { tone: "good", title: "$10.00 credited", done: true, payable: false };
    expect(view({ state: "paid" })).toMatchObject(paid);
    expect(view({ state: "paid" }, { left: true })).toMatchObject(paid);
    expect(view({ state: "processing" }, { left: true }).done).toBe(false);
  });

  it("ends without a charge", () => {
    expect(view({ state: "expired" })).toMatchObject({ tone: "neutral", done: true, payable: false });
    expect(view({ state: "failed" })).toMatchObject({ tone: "bad", done: true, payable: false });
    expect(view({ state: "failed", reason: "card_declined" }).text).toBe(
      "Nothing was charged or credited. Reason given by the payment service: card declined.",
    );
  });
});

describe("polling", () => {
  it("is fast at first, then slower, then stops", () => {
    expect([0, 29_999, 30_000, 119_999, 120_000, 899_999, 900_000].map((waited) => pollMs(false, waited))).toEqual([
      1_000,
      1_000,
      3_000,
      3_000,
      15_000,
      15_000,
      false,
    ]);
  });

  it("stops once the checkout has ended", () => {
    expect(pollMs(true, 0)).toBe(false);
  });
});
