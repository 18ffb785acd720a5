// Money on an axis. Amounts stay integers; what becomes a number is a height in pixels or a share, already divided.

import { aligned, decimalsOf, NANOS_PER_USD } from "@/lib/money";

const STEPS = [10n, 20n, 25n, 50n];
const NANOS_PER_CENT = NANOS_PER_USD / 100n;
const PARTS = 10_000n;

/** Round amounts from zero to at least `most`, `count` steps at the most: "$0, $0.05, $0.10". */
export function ticks(most: bigint, count = 5): bigint[] {
  const step = most <= 0n ? NANOS_PER_CENT : roundStep(most, BigInt(count));
  const steps = most <= 0n ? 1n : ceiling(most, step);
  return Array.from({ length: Number(steps) + 1 }, (_, at) => BigInt(at) * step);
}

/** The least of 10, 20, 25, 50, 100, 200, ... nanos that reaches `most` in so many steps. */
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

/** Ticks as text, all with the decimals of the finest. */
export function tickLabels(amounts: readonly bigint[]): string[] {
  const decimals = amounts.reduce((most, amount) => Math.max(most, decimalsOf(amount)), 2);
  return amounts.map((amount) => {
    const { shown, zeros } = aligned(amount, decimals);
    return shown + zeros;
  });
}

/** What part of `whole` is in percent, to two decimals, rounded down; 0 where there is no whole. */
export function percentOf(part: bigint, whole: bigint): number {
  return whole <= 0n || part <= 0n ? 0 : Number((part * PARTS) / whole) / 100;
}

/** A share in words, rounded down: "38%", "4.2%", "<0.1%". */
export function formatShare(part: bigint, whole: bigint): string {
  const tenths = whole <= 0n ? 0n : (part * 1000n) / whole;
  if (tenths <= 0n) return part > 0n ? "<0.1%" : "0%";
  return tenths < 100n && tenths % 10n !== 0n ? `${tenths / 10n}.${tenths % 10n}%` : `${tenths / 10n}%`;
}

/** The boxes of one stacked bar, from the ground up, in pixels: what is not zero can be seen. */
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

/** Every how many-th bar is named, counted from the last one, for at most `most` names. */
export function labelEvery(bars: number, most: number): number {
  return Math.max(1, Math.ceil(bars / most));
}
