// Parsing and formatting of money; no other module does either.
//
// Rule 1: an amount is an integer of nano-USD (1 USD = 10^9), a bigint here and a decimal string in JSON; never a float.
// Rule 2: rounding is explicit: `formatUsdExact` shows every digit, `formatUsd` rounds by the size of the amount.
// Rule 3: a balance is rounded down, so that no one is shown money that is not there.

export const NANOS_PER_USD = 1_000_000_000n;
const DECIMALS_MAX = 9;
const NANOS_PER_CENT = 10_000_000n;
const SIGNIFICANT_DIGITS = 3;
const MINUS = "−";

export type Rounding = "half away from zero" | "down";

/** Nanos as the API writes them, as an integer. Throws SyntaxError for anything else. */
export function nanos(text: string): bigint {
  if (!/^-?\d+$/.test(text)) throw new SyntaxError(`not an integer of nano-USD: ${text}`);
  return BigInt(text);
}

/** "1.25" USD as nanos; null if it is not an amount with at most 9 decimals. */
export function parseUsd(text: string): bigint | null {
  const found = /^\s*\$?\s*(\d{1,9})(?:\.(\d{1,9}))?\s*$/.exec(text);
  if (!found) return null;
  return BigInt(found[1] ?? "0") * NANOS_PER_USD + BigInt((found[2] ?? "").padEnd(DECIMALS_MAX, "0"));
}

/** Nanos as the decimal string that the API accepts: "1.25". */
export function toDecimal(amount: bigint): string {
  const digits = decimalsOf(amount);
  return `${amount < 0n ? "-" : ""}${fixed(magnitude(amount), digits)}`;
}

/** All digits except trailing zeros, with at least two decimals: "$0.00123". */
export function formatUsdExact(amount: bigint): string {
  return signed(amount, fixed(magnitude(amount), Math.max(2, decimalsOf(amount))));
}

/** Cents from a dollar up, up to four decimals below, three significant digits under a cent: "$12.35", "$0.0431", "$0.00123". */
export function formatUsd(amount: bigint, rounding: Rounding = "half away from zero"): string {
  const decimals = decimalsShown(magnitude(amount));
  const rounded = round(amount, decimals, rounding);
  return signed(rounded, fixed(magnitude(rounded), Math.max(2, Math.min(decimals, decimalsOf(rounded)))));
}

/** The number of decimals without trailing zeros: 0 to 9. */
export function decimalsOf(amount: bigint): number {
  const fraction = (magnitude(amount) % NANOS_PER_USD).toString().padStart(DECIMALS_MAX, "0").replace(/0+$/, "");
  return fraction.length;
}

/** The amount with exactly `decimals` decimals, split before its trailing zeros, for columns that align at the decimal point. */
export function aligned(amount: bigint, decimals: number): { shown: string; zeros: string } {
  const own = Math.max(2, decimalsOf(amount));
  const shown = signed(amount, fixed(magnitude(amount), own));
  return { shown, zeros: "0".repeat(Math.max(0, decimals - own)) };
}

/** The quotient of two amounts, rounded down; null if the divisor is not positive or the amount is negative. */
export function wholeQuotient(amount: bigint, per: bigint): number | null {
  return per <= 0n || amount < 0n ? null : Number(amount / per);
}

function decimalsShown(size: bigint): number {
  if (size === 0n || size >= NANOS_PER_USD) return 2;
  if (size >= NANOS_PER_CENT) return 4;
  const leadingZeros = DECIMALS_MAX - size.toString().length;
  return Math.min(DECIMALS_MAX, leadingZeros + SIGNIFICANT_DIGITS);
}

function round(amount: bigint, decimals: number, rounding: Rounding): bigint {
  const unit = 10n ** BigInt(DECIMALS_MAX - decimals);
  const rest = ((amount % unit) + unit) % unit;
  const floor = amount - rest;
  if (rounding === "down" || rest === 0n) return floor;
  const half = rest * 2n;
  return half > unit || (half === unit && amount > 0n) ? floor + unit : floor;
}

function fixed(size: bigint, decimals: number): string {
  const whole = (size / NANOS_PER_USD).toString();
  const fraction = (size % NANOS_PER_USD).toString().padStart(DECIMALS_MAX, "0").slice(0, decimals);
  return decimals === 0 ? whole : `${whole}.${fraction}`;
}

function signed(amount: bigint, text: string): string {
  const [whole = "0", fraction] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${amount < 0n ? MINUS : ""}$${grouped}${fraction === undefined ? "" : `.${fraction}`}`;
}

function magnitude(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}
