// Automatic top-up in words, and the checks on its terms before they are sent.

import type { Tone } from "@/components/ui/badge";
import type { Schemas } from "@/lib/api/client";
import type { Pack } from "@/lib/api/queries";
import { formatUsd, nanos, parseUsd, toDecimal } from "@/lib/money";
import { inPlainWords } from "./checkout";

export type Automatic = Schemas["AutomaticShown"];
export type AutomaticWanted = Schemas["AutomaticWanted"];
export type Terms = { pack: string; threshold: string; ceiling: string };
export type TermErrors = { threshold?: string; monthly_ceiling?: string };

const NO_AMOUNT = "Enter an amount in USD, such as 5.00.";
const DEFAULTS = { threshold: "5.00", ceiling: "100.00" };
const BADGES: Record<Automatic["state"], { label: string; tone: Tone }> = {
  off: { label: "Off", tone: "neutral" },
  armed: { label: "On", tone: "good" },
  charging: { label: "Charging now", tone: "good" },
  charged: { label: "Charged", tone: "good" },
  ceiling: { label: "Ceiling reached", tone: "warning" },
};

export function badgeOf(state: Automatic["state"]): { label: string; tone: Tone } {
  return BADGES[state];
}

/** The current state, in a sentence; null if it is off. */
export function standingOf(now: Automatic, packs: readonly Pack[]): string | null {
  const pack = packs.find(({ id }) => id === now.pack)?.name ?? now.pack ?? "";
  const threshold = formatUsd(nanos(now.threshold_nanos));
  const ceiling = formatUsd(nanos(now.monthly_ceiling_nanos));
  switch (now.state) {
    case "off":
      return null;
    case "armed":
      return `Buys ${pack} when the balance falls below ${threshold}, up to ${ceiling} of credit per month.`;
    case "charging":
      return `The balance fell below ${threshold}: ${pack} is being bought.`;
    case "charged":
      return `${pack} was bought. It is bought again only after the balance has reached ${threshold}.`;
    case "ceiling":
      return `Paused: another ${pack} would exceed the ceiling of ${ceiling} of credit for this UTC month.`;
  }
}

/** Why it was switched off, as a sentence; null if it was not, or if it only waits at its ceiling. */
export function problemOf(now: Automatic): string | null {
  if (!now.problem || now.state === "ceiling") return null;
  const reason = inPlainWords(now.problem).trim();
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}${/[.!?]$/.test(reason) ? "" : "."}`;
}

/** The terms that a form starts with: the saved ones, or defaults. */
export function termsOf(now: Automatic, packs: readonly Pack[]): Terms {
  const known = packs.some(({ id }) => id === now.pack);
  const pack = (known ? now.pack : packs[0]?.id) ?? "";
  return now.pack === null ? { pack, ...DEFAULTS } : { pack, threshold: now.threshold, ceiling: now.monthly_ceiling };
}

/** The request to send, or the errors in its terms. Terms under which nothing would ever be bought are errors. */
export function readTerms(terms: Terms, packs: readonly Pack[]): AutomaticWanted | TermErrors {
  const [threshold, ceiling] = [parseUsd(terms.threshold), parseUsd(terms.ceiling)];
  const credit = nanos(packs.find(({ id }) => id === terms.pack)?.credit_nanos ?? "0");
  const errors: TermErrors = {};
  if (threshold === null) errors.threshold = NO_AMOUNT;
  else if (threshold === 0n)
    errors.threshold = "Enter an amount above zero: requests are refused before a balance falls below zero.";
  if (ceiling === null) errors.monthly_ceiling = NO_AMOUNT;
  else if (ceiling < credit)
    errors.monthly_ceiling = `Enter at least ${formatUsd(credit)}, the credit of one pack; below that, nothing is bought.`;
  if (threshold === null || ceiling === null || Object.keys(errors).length > 0) return errors;
  return { enabled: true, pack: terms.pack, threshold: toDecimal(threshold), monthly_ceiling: toDecimal(ceiling) };
}
