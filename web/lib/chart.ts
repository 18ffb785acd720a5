// Money on an axis. Amounts stay integers; what becomes a number is a height in pixels or a share, already divided.

import { aligned, decimalsOf, NANOS_PER_USD } from "./money";

const STEPS = [1n, 2n, 5n];
const NANOS_PER_CENT = NANOS_PER_USD / 100n;
const PARTS = 10_000n;

/** Round amounts from zero to at least `most`, `count` steps at the most: "$0, $0.05, $0.10". */
export function ticks(most: bigint, count = 4): bigint[] {
  const step = most <= 0n ? NANOS_PER_CENT : roundStep(most, BigInt(count));
  const steps = most <= 0n ? 1n : ceiling(most, step);
  return Array.from({ length: Number(steps) + 1 }, (_, at) => BigInt(at) * step);
}

/** The least of 1, 2, 5, 10, 20, 50, ... nanos that reaches `most` in so many steps. */
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

/** A share in words: "38%", "4.2%", "<0.1%". */
export function formatShare(part: bigint, whole: bigint): string {
  const percent = percentOf(part, whole);
  if (percent === 0) return part > 0n ? "<0.1%" : "0%";
  if (percent < 0.1) return "<0.1%";
  return percent < 10 ? `${percent.toFixed(1).replace(/\.0$/, "")}%` : `${Math.round(percent)}%`;
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

/** Every how many-th bar is named, counted from the last one, for at most `most` names. */
export function labelEvery(bars: number, most: number): number {
  return Math.max(1, Math.ceil(bars / most));
}
