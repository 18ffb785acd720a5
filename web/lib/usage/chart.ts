// Money on an axis. Amounts stay integers; only heights in pixels and shares, already divided, become numbers.

import { aligned, decimalsOf, NANOS_PER_USD } from "@/lib/money";

const STEPS = [10n, 20n, 25n, 50n];
const NANOS_PER_CENT = NANOS_PER_USD / 100n;
const PARTS = 10_000n;

/** Round amounts from zero up to at least `most`, in at most `count` steps: "$0, $0.05, $0.10". */
export function ticks(most: bigint, count = 5): bigint[] {
  const step = most <= 0n ? NANOS_PER_CENT : roundStep(most, BigInt(count));
  const steps = most <= 0n ? 1n : ceiling(most, step);
  return Array.from({ length: Number(steps) + 1 }, (_, at) => BigInt(at) * step);
}

/** The smallest of 10, 20, 25, 50, 100, 200, ... nanos that reaches `most` in `count` steps. */
function roundStep(most: bigint, count: bigint): bigint {
  for (let unit = 1n; ; unit *= 10n) {
    for (const step of STEPS) {
      if (step * unit * count >= most) return step * unit;
    }
  }
}

function ceiling(amount: bigint, unit: bigint): bigint {
  return (amount + unit - 1n) / unit;
}

/** Ticks as text, all with as many decimals as the finest one needs. */
export function tickLabels(amounts: readonly bigint[]): string[] {
  const decimals = amounts.reduce((most, amount) => Math.max(most, decimalsOf(amount)), 2);
  return amounts.map((amount) => {
    const { shown, zeros } = aligned(amount, decimals);
    return shown + zeros;
  });
}

/** `part` in percent of `whole`, to two decimals, rounded down; 0 if `whole` is not positive. */
export function percentOf(part: bigint, whole: bigint): number {
  return whole <= 0n || part <= 0n ? 0 : Number((part * PARTS) / whole) / 100;
}

/** A share in words, rounded down: "38%", "4.2%", "<0.1%". */
export function formatShare(part: bigint, whole: bigint): string {
  const tenths = whole <= 0n ? 0n : (part * 1000n) / whole;
  if (tenths <= 0n) return part > 0n ? "<0.1%" : "0%";
  return tenths < 100n && tenths % 10n !== 0n ? `${tenths / 10n}.${tenths % 10n}%` : `${tenths / 10n}%`;
}

/** The boxes of one stacked bar, from the bottom up, in pixels. A value above zero gets at least one pixel. */
export function stacked(values: readonly bigint[], top: bigint, height: number): { y: number; height: number }[] {
  const boxes: { y: number; height: number }[] = [];
  let sum = 0n;
  let ground = height;
  for (const value of values) {
    sum += value;
    const reaches = Math.min(height - (percentOf(sum, top) * height) / 100, value > 0n ? ground - 1 : ground);
    boxes.push({ y: reaches, height: ground - reaches });
    ground = reaches;
  }
  return boxes;
}

/** The highest of some amounts, or zero. */
export function highest(amounts: readonly bigint[]): bigint {
  let top = 0n;
  for (const amount of amounts) if (amount > top) top = amount;
  return top;
}

/** The interval between labelled bars, counted from the last one, so that at most `most` are labelled. */
export function labelEvery(bars: number, most: number): number {
  return Math.max(1, Math.ceil(bars / most));
}
