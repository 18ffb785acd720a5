// How long the balance will last, and whether to warn about it.
//
// Rule 1: the pace is the spend of the last PACE_DAYS days; days are rounded down.
// Rule 2: a warning calls for action, so there is none for a low balance while automatic top-up is armed.

import { wholeQuotient } from "@/lib/money";

export const PACE_DAYS = 7;
const LOW_DAYS = 7;
const SHOWN_DAYS_MAX = 365;

export type Outlook = { tone: "neutral" | "warning" | "danger"; title: string; text: string };
export type Watched = {
  available: bigint;
  /** Spend over the last PACE_DAYS days; null while it is unknown. */
  spent: bigint | null;
  /** The balance below which automatic top-up buys a pack; null if it is off. */
  threshold: bigint | null;
};

/** Whole days; null if nothing was spent, or the balance is negative. */
export function runwayDays(available: bigint, spent: bigint): number | null {
  return wholeQuotient(available * BigInt(PACE_DAYS), spent);
}

/** The message about a balance; null while its spend is unknown. */
export function outlook({ available, spent, threshold }: Watched): Outlook | null {
  if (available === 0n && spent === 0n) {
    return { tone: "warning", title: "No credit yet", text: "Requests are refused until you add credit." };
  }
  if (available <= 0n) {
    return { tone: "danger", title: "No credit is left", text: "Requests are refused until you add credit." };
  }
  if (threshold !== null && available < threshold) {
    return { tone: "neutral", title: "Below the threshold", text: "Automatic top-up is buying credit." };
  }
  if (spent === null) return null;
  const days = runwayDays(available, spent);
  if (days === null)
    return { tone: "neutral", title: "Runway", text: `Nothing was spent in the last ${PACE_DAYS} days.` };
  const text = `${leftInWords(days)} left at the pace of the last ${PACE_DAYS} days.`;
  return days < LOW_DAYS && threshold === null
    ? { tone: "warning", title: "The balance is low", text }
    : { tone: "neutral", title: "Runway", text };
}

function leftInWords(days: number): string {
  if (days < 1) return "Less than a day";
  if (days > SHOWN_DAYS_MAX) return "More than a year";
  return days === 1 ? "About a day" : `About ${days} days`;
}
