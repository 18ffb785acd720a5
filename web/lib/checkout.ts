// What a return from the payment page means: the API's answer, and how long we have waited, as something to show.

import type { Checkout } from "./queries";

export type CheckoutView = { tone: "waiting" | "good" | "bad" | "neutral"; title: string; text: string; done: boolean };

export const POLL_MS = 1_000;
const SLOW_MS = 20_000;

/** `left`: the visitor came back without paying. `waitedMs`: since the return. */
export function checkoutView(checkout: Checkout, credit: string, left: boolean, waitedMs: number): CheckoutView {
  switch (checkout.state) {
    case "paid":
      return { tone: "good", title: `${credit} credited`, text: "It is in your balance now.", done: true };
    case "failed":
      return { tone: "bad", title: "The payment failed", text: failure(checkout.reason), done: true };
    case "expired":
      return {
        tone: "neutral",
        title: "The payment was not made in time",
        text: "Nothing was charged. Begin again whenever you like.",
        done: true,
      };
    case "open":
      if (left) return { tone: "neutral", title: "You left without paying", text: "Nothing was charged.", done: true };
      return waiting(waitedMs, "Waiting for the payment");
    default:
      return waiting(waitedMs, "Waiting for the payment to be credited");
  }
}

function waiting(waitedMs: number, title: string): CheckoutView {
  const text =
    waitedMs < SLOW_MS
      ? "This takes a few seconds."
      : "It takes longer than usual. You may leave this page: the credit comes by itself once the payment is in.";
  return { tone: "waiting", title: `${title}…`, text, done: false };
}

function failure(reason: string | null): string {
  const said = reason === null ? "" : ` The payment service says: ${reason.replaceAll("_", " ")}.`;
  return `Nothing was credited.${said}`;
}

/** "$10.00" or "¥1,000": a price as the API writes it, in its own currency. */
export function formatPrice(price: string, currency: string): string {
  const format = new Intl.NumberFormat("en-US", { style: "currency", currency: currency.toUpperCase() });
  return format.format(price as Intl.StringNumericLiteral); // digits as they are: no float in between
}
