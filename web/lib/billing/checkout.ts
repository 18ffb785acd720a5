// A checkout as something to show: the API's answer, whether its owner left the payment page, and how long we have waited.
//
// Rule 1: only the ledger's word is "credited"; that somebody came back from the payment page says nothing.

import type { Checkout } from "@/lib/api/queries";

export type CheckoutView = {
  tone: "waiting" | "good" | "bad" | "neutral";
  title: string;
  text: string;
  /** Nothing more is to come by itself. */
  done: boolean;
  /** It can still be paid. */
  payable: boolean;
};

export const SLOW_MS = 20_000;
const NOTHING = "Nothing was charged, and nothing was credited.";
/** How often it is asked for again, by how long we have waited; after that, no more. */
const PACE = [
  { untilMs: 30_000, everyMs: 1_000 },
  { untilMs: 120_000, everyMs: 3_000 },
  { untilMs: 900_000, everyMs: 15_000 },
];

/** `left`: the visitor came back without paying. `waitedMs`: since the return. `credit`: what it buys, in words. */
export function checkoutView(checkout: Checkout, credit: string, left: boolean, waitedMs: number): CheckoutView {
  switch (checkout.state) {
    case "paid":
      return ended("good", `${credit} credited`, "The payment is in, and the credit is in your balance.");
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

/** In how many milliseconds to ask again; false for never. */
export function pollMs(done: boolean, waitedMs: number): number | false {
  return (!done && PACE.find(({ untilMs }) => waitedMs < untilMs)?.everyMs) || false;
}

/** `payment_refused: card_declined` as words: "payment refused: card declined" */
export function inPlainWords(code: string): string {
  return code.replaceAll("_", " ");
}

function ended(tone: CheckoutView["tone"], title: string, text: string): CheckoutView {
  return { tone, title, text, done: true, payable: false };
}

function unpaid(left: boolean): CheckoutView {
  const title = left ? "You left before paying" : "This checkout is not paid yet";
  return { tone: "neutral", title, text: NOTHING, done: left, payable: true };
}

function waiting(title: string, waitedMs: number): CheckoutView {
  const text =
    waitedMs < SLOW_MS
      ? "This takes a few seconds."
      : "It takes longer than usual. It is safe to leave: the credit comes by itself once the payment is in.";
  return { tone: "waiting", title, text, done: false, payable: false };
}

function failure(reason: string | null): string {
  return reason === null ? NOTHING : `${NOTHING} The payment service says: ${inPlainWords(reason)}.`;
}
