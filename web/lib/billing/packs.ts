// Packs: a price in its own currency, and the credit that it buys.
//
// Rule 1: a price is compared with its credit only where both are USD: nobody here knows a rate.

import { ApiError } from "@/lib/api/client";
import type { Pack } from "@/lib/api/queries";
import { nanos, parseUsd } from "@/lib/money";

const CREDIT_CURRENCY = "usd";

/** "$10.00" or "¥1,000": a price as the API writes it, digit by digit. Decimals of zero are left out where the currency has none. */
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

/** What a pack credits beyond its price: a bonus, or below zero a fee. Null where it has a price in another currency. */
export function extraOf(pack: Pack): bigint | null {
  const price = pack.currency === CREDIT_CURRENCY ? parseUsd(pack.price) : null;
  return price === null ? null : nanos(pack.credit_nanos) - price;
}

/** One Idempotency-Key for what a click means, until its outcome is known: repeated after no answer, it begins no second checkout. */
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

  /** It was answered. Only what may have happened all the same is meant again by the next click. */
  answered(error: Error | null = null): void {
    if (error === null || (error instanceof ApiError && error.status >= 400 && error.status < 500)) this.meaning = null;
  }
}
