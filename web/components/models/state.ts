// The models page's state, as its URL stores it, so that a link shows the same.

import { createParser, parseAsString } from "nuqs";
import type { Use } from "@/lib/billing/prices";

export const QUANTITY_MAX = 999_999_999;

/** A whole number from 0 to QUANTITY_MAX; anything else is rejected. */
export const parseAsQuantity = createParser({
  parse: (text: string) => (/^\d{1,9}$/.test(text) ? Number(text) : null),
  serialize: (quantity: number) => `${quantity}`,
});

export const PARSERS = {
  q: parseAsString.withDefault(""),
  model: parseAsString,
  input: parseAsQuantity.withDefault(10_000),
  cached: parseAsQuantity.withDefault(0),
  output: parseAsQuantity.withDefault(1_000),
  searches: parseAsQuantity.withDefault(0),
  images: parseAsQuantity.withDefault(0),
  tier: parseAsString,
  size: parseAsString,
};

export type State = Use & { q: string; model: string | null; tier: string | null; size: string | null };
export type SetState = (change: Partial<State> | null) => unknown;
