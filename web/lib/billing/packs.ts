// Packs: a price in its own currency, and the credit that it buys.
//
// Rule 1: a price is compared with its credit only if it is in USD, because the page has no exchange rates.

import { ApiError } from "@/lib/api/client";
import type { Pack } from "@/lib/api/queries";
import { nanos, parseUsd } from "@/lib/money";

const CREDIT_CURRENCY = "usd";

/** "$10.00" or "¥1,000": the API's price, with every digit. Zero decimals are omitted if the currency has none. */
export function formatPrice(price: string, currency: string): string {
  if (!isDecimal(price)) return `${price} ${currency.toUpperCase()}`;
  const written = /\.(\d*?)0*$/.exec(price)?.[1]?.length ?? 0;
  const style = { style: "currency", currency } as const;
  const own = new Intl.NumberFormat("en-US", style).resolvedOptions().maximumFractionDigits ?? 0;
  const digits = { minimumFractionDigits: own, maximumFractionDigits: Math.max(own, written) };
  return new Intl.NumberFormat("en-US", { ...style, ...digits }).format(price);
}

function isDecimal(text: string): text is `${number}` {
  return /^\d+(\.\d+)?$/.test(text);
}

/** A pack's credit minus its price: a bonus, or a fee if negative. Null if the price is in another currency. */
export function extraOf(pack: Pack): bigint | null {
  const price = pack.currency === CREDIT_CURRENCY ? parseUsd(pack.price) : null;
  return price === null ? null : nanos(pack.credit_nanos) - price;
}

/** The Idempotency-Key of an intended purchase, kept until the outcome is known, so that a retry starts no second checkout. */
export class Intent {
  private meaning: string | null = null;
  private key = "";

  keyFor(meaning: string): string {
    if (meaning !== this.meaning) {
      this.meaning = meaning;
      this.key = crypto.randomUUID();
    }
    return this.key;
  }

  /** Record the outcome. After an error that leaves it unknown, the next click repeats the same intent. */
  answered(error: Error | null = null): void {
    if (error === null || (error instanceof ApiError && error.status >= 400 && error.status < 500)) this.meaning = null;
  }
}
