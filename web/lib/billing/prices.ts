// Prices, and the cost of a use by the gateway's own arithmetic.
//
// Rule 1: a price is an integer of picos (10^-12 USD) per token, search or image, a bigint; a line is exactly quantity x price.
// Rule 2: the total is the sum of the lines, rounded up to a nano; the difference is a line of its own, rounding.
// Rule 3: above an input threshold, that tier's prices apply to the whole request; cached input counts towards the threshold.

import type { Schemas } from "@/lib/api/client";
import { formatUsdExact, NANOS_PER_USD } from "@/lib/money";

export type Pricing = Schemas["Pricing"];
export type Use = { input: number; cached: number; output: number; searches: number; images: number };
export type Line = { kind: string; label: string; quantity: number; price: bigint; amount: bigint };
export type Cost = { lines: Line[]; total: bigint; above: number | null };
type Rates = Schemas["TierRates"];

const DECIMALS = 12;
const PICOS_PER_NANO = 1_000n;
const PICOS_PER_USD = NANOS_PER_USD * PICOS_PER_NANO;
const MILLION = 1_000_000n;
const ANY_IMAGE = "*";

/** "0.00000025" USD as picos. Throws SyntaxError if it is not an amount with at most 12 decimals. */
export function picos(price: string): bigint {
  const found = /^(\d+)(?:\.(\d{1,12}))?$/.exec(price);
  if (!found) throw new SyntaxError(`not a price in USD: ${price}`);
  return BigInt(found[1] ?? "0") * PICOS_PER_USD + BigInt((found[2] ?? "").padEnd(DECIMALS, "0"));
}

/** The price of a million tokens: "$0.25". Exact, because a token's price is in whole picos. */
export function formatPerMillion(price: string): string {
  return formatPicos(picos(price) * MILLION);
}

/** All digits except trailing zeros, with at least two decimals: "$0.00000025". */
export function formatPicos(amount: bigint): string {
  if (amount % PICOS_PER_NANO === 0n) return formatUsdExact(amount / PICOS_PER_NANO);
  const fraction = (amount % PICOS_PER_USD).toString().padStart(DECIMALS, "0").replace(/0+$/, "");
  return `${formatUsdExact((amount / PICOS_PER_USD) * NANOS_PER_USD).replace(/\.00$/, "")}.${fraction}`;
}

/** The cost of a use, line by line. `service`: a service tier with its own prices; `image`: an entry of the image price table. */
export function costOf(pricing: Pricing, use: Use, service?: string, image: string = ANY_IMAGE): Cost {
  const rates: Rates = pricing.service_tiers?.[service ?? ""] ?? pricing;
  const { tier, above } = tierFor(rates, use.input + use.cached);
  const priced: [string, string, number, string | undefined][] = [
    ["input", "Input tokens", use.input, tier.prompt],
    ["cached_input", "Cached input tokens", use.cached, tier.input_cache_read],
    ["output", "Output tokens", use.output, tier.completion],
    ["web_search_call", "Searches", use.searches, pricing.web_search],
    ["image", "Images", use.images, imagePrice(pricing.image, image)],
  ];
  const lines = priced.flatMap(([kind, label, quantity, price]) =>
    quantity > 0 && price !== undefined ? [line(kind, label, quantity, picos(price))] : [],
  );
  const sum = lines.reduce((total, { amount }) => total + amount, 0n);
  const total = (sum + PICOS_PER_NANO - 1n) / PICOS_PER_NANO;
  const rest = total * PICOS_PER_NANO - sum;
  return { lines: rest ? [...lines, line("rounding", "Rounding", 1, rest)] : lines, total, above };
}

/** The entries of an image price table; empty if all images cost the same, or have no price. */
export function imageSizes(pricing: Pricing): string[] {
  return typeof pricing.image === "object" ? Object.keys(pricing.image) : [];
}

function imagePrice(prices: Pricing["image"], size: string): string | undefined {
  if (typeof prices !== "object") return prices;
  return prices[size] ?? prices[ANY_IMAGE] ?? dearest(Object.values(prices));
}

function dearest(prices: string[]): string | undefined {
  return prices.sort((one, other) => (picos(one) < picos(other) ? 1 : -1))[0];
}

function tierFor(rates: Rates, inputTokens: number): { tier: Rates; above: number | null } {
  let found: { tier: Rates; above: number | null } = { tier: rates, above: null };
  for (const tier of rates.above ?? []) {
    if (inputTokens > tier.input_tokens && tier.input_tokens > (found.above ?? -1)) {
      found = { tier, above: tier.input_tokens };
    }
  }
  return found;
}

function line(kind: string, label: string, quantity: number, price: bigint): Line {
  return { kind, label, quantity, price, amount: BigInt(quantity) * price };
}
