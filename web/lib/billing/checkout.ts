// How a checkout is shown, given the API's response, whether its owner left the payment page, and how long the page has waited.
//
// Rule 1: a checkout is shown as credited only once the ledger says so; a return from the payment page proves nothing.

import type { Checkout } from "@/lib/api/queries";

export type CheckoutView = {
  tone: "waiting" | "good" | "bad" | "neutral";
  title: string;
  text: string;
  /** No further change is expected. */
  done: boolean;
  /** It can still be paid. */
  payable: boolean;
};

export const SLOW_MS = 20_000;
const NOTHING = "Nothing was charged or credited.";
/** The polling interval, by how long the page has waited; then polling stops. */
const PACE = [
  { untilMs: 30_000, everyMs: 1_000 },
  { untilMs: 120_000, everyMs: 3_000 },
  { untilMs: 900_000, everyMs: 15_000 },
];

/** `left`: the visitor returned without paying. `waitedMs`: since the return. `credit`: the credit bought, formatted. */
export function checkoutView(checkout: Checkout, credit: string, left: boolean, waitedMs: number): CheckoutView {
  switch (checkout.state) {
    case "paid":
      return ended("good", `${credit} credited`, "The payment arrived, and the credit is in your balance.");
    case "failed":
      return ended("bad", "The payment failed", failure(checkout.reason));
    case "expired":
      return ended("neutral", "This checkout expired", `It was not paid in time. ${NOTHING}`);
    case "open":
      return checkout.url === null ? waiting("Waiting for the payment…", waitedMs) : unpaid(left);
    default:
      return waiting("Waiting for the payment to be credited…", waitedMs);
  }
}

/** Milliseconds until the next poll; false to stop. */
export function pollMs(done: boolean, waitedMs: number): number | false {
  return (!done && PACE.find(({ untilMs }) => waitedMs < untilMs)?.everyMs) || false;
}

/** A code in plain words: `payment_refused: card_declined` is "payment refused: card declined". */
export function inPlainWords(code: string): string {
  return code.replaceAll("_", " ");
}

function ended(tone: CheckoutView["tone"], title: string, text: string): CheckoutView {
  return { tone, title, text, done: true, payable: false };
}

function unpaid(left: boolean): CheckoutView {
  const title = left ? "You left before paying" : "This checkout has not been paid yet";
  return { tone: "neutral", title, text: NOTHING, done: left, payable: true };
}

function waiting(title: string, waitedMs: number): CheckoutView {
  const text =
    waitedMs < SLOW_MS
      ? "This takes a few seconds."
      : "This is taking longer than usual. You can leave this page: the credit is added automatically once the payment arrives.";
  return { tone: "waiting", title, text, done: false, payable: false };
}

function failure(reason: string | null): string {
  return reason === null ? NOTHING : `${NOTHING} Reason given by the payment service: ${inPlainWords(reason)}.`;
}
