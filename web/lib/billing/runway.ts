// How long the balance lasts, and when that is worth a warning.
//
// Rule 1: the pace is that of the last PACE_DAYS days, whatever came in them; days are rounded down.
// Rule 2: a warning is one that something can be done about: where automatic top-up is armed, a low balance is none.

import { wholeQuotient } from "@/lib/money";

export const PACE_DAYS = 7;
const LOW_DAYS = 7;
const SHOWN_DAYS_MAX = 365;

export type Outlook = { tone: "neutral" | "warning" | "danger"; title: string; text: string };
export type Watched = {
  available: bigint;
  /** Over the last PACE_DAYS days; null while it is not known. */
  spent: bigint | null;
  /** Below which automatic top-up buys; null where it is off. */
  threshold: bigint | null;
};

/** Whole days; null where nothing was spent, or nothing is left. */
export function runwayDays(available: bigint, spent: bigint): number | null {
  return wholeQuotient(available * BigInt(PACE_DAYS), spent);
}

/** What there is to say about a balance; null where there is nothing. */
export function outlook({ available, spent, threshold }: Watched): Outlook | null {
  if (available === 0n && spent === 0n) {
    return { tone: "warning", title: "No credit yet", text: "Requests are refused until some is added." };
  }
  if (available <= 0n) {
    return { tone: "danger", title: "No credit is left", text: "Requests are refused until some is added." };
  }
  if (threshold !== null && available < threshold) {
    return { tone: "neutral", title: "Below the threshold", text: "Automatic top-up buys credit now." };
  }
  if (spent === null) return null;
  const days = runwayDays(available, spent);
  if (days === null) return { tone: "neutral", title: "Runway", text: `No spend in the last ${PACE_DAYS} days.` };
  const text = `${lasts(days)} at the pace of the last ${PACE_DAYS} days.`;
  return days < LOW_DAYS && threshold === null
    ? { tone: "warning", title: "The balance is low", text: `It lasts ${text}` }
    : { tone: "neutral", title: "Runway", text: `Lasts ${text}` };
}

function lasts(days: number): string {
  if (days < 1) return "less than a day";
  if (days > SHOWN_DAYS_MAX) return "more than a year";
  return days === 1 ? "about a day" : `about ${days} days`;
}
