// Automatic top-up in words, and what is asked of its terms before they are sent.

import type { Tone } from "@/components/ui/badge";
import type { Schemas } from "@/lib/api/client";
import type { Pack } from "@/lib/api/queries";
import { formatUsd, nanos, parseUsd, toDecimal } from "@/lib/money";
import { inPlainWords } from "./checkout";

export type Automatic = Schemas["AutomaticShown"];
export type AutomaticWanted = Schemas["AutomaticWanted"];
export type Terms = { pack: string; threshold: string; ceiling: string };
export type TermErrors = { threshold?: string; monthly_ceiling?: string };

const NO_AMOUNT = "An amount in USD, such as 5.00.";
const DEFAULTS = { threshold: "5.00", ceiling: "100.00" };
const BADGES: Record<Automatic["state"], { said: string; tone: Tone }> = {
  off: { said: "Off", tone: "neutral" },
  armed: { said: "On", tone: "good" },
  charging: { said: "Charging now", tone: "good" },
  charged: { said: "Charged", tone: "good" },
  ceiling: { said: "Ceiling reached", tone: "warning" },
};

export function badgeOf(state: Automatic["state"]): { said: string; tone: Tone } {
  return BADGES[state];
}

/** What it does now, in a sentence; null where it is off. */
export function standingOf(now: Automatic, packs: readonly Pack[]): string | null {
  const pack = packs.find(({ id }) => id === now.pack)?.name ?? now.pack ?? "";
  const threshold = formatUsd(nanos(now.threshold_nanos));
  const ceiling = formatUsd(nanos(now.monthly_ceiling_nanos));
  switch (now.state) {
    case "off":
      return null;
    case "armed":
      return `Buys ${pack} when less than ${threshold} is available, for at most ${ceiling} of credit in a month.`;
    case "charging":
      return `Less than ${threshold} was available: ${pack} is being bought.`;
    case "charged":
      return `${pack} was bought. It buys again after the balance has been at ${threshold} or above.`;
    case "ceiling":
      return `It waits: one more ${pack} would pass the ${ceiling} of credit in this UTC month.`;
  }
}

/** Why it was switched off or waits, as a sentence. */
export function problemOf(now: Automatic): string | null {
  if (!now.problem || now.state === "ceiling") return null;
  const said = inPlainWords(now.problem).trim();
  return `${said.charAt(0).toUpperCase()}${said.slice(1)}${/[.!?]$/.test(said) ? "" : "."}`;
}

/** The terms to begin a form with: those that stand, or a proposal. */
export function termsOf(now: Automatic, packs: readonly Pack[]): Terms {
  const known = packs.some(({ id }) => id === now.pack);
  const pack = (known ? now.pack : packs[0]?.id) ?? "";
  return now.pack === null ? { pack, ...DEFAULTS } : { pack, threshold: now.threshold, ceiling: now.monthly_ceiling };
}

/** What to send, or what is wrong with it: terms under which nothing would ever be bought are a mistake. */
export function readTerms(terms: Terms, packs: readonly Pack[]): AutomaticWanted | TermErrors {
  const [threshold, ceiling] = [parseUsd(terms.threshold), parseUsd(terms.ceiling)];
  const credit = nanos(packs.find(({ id }) => id === terms.pack)?.credit_nanos ?? "0");
  const errors: TermErrors = {};
  if (threshold === null) errors.threshold = NO_AMOUNT;
  else if (threshold === 0n) errors.threshold = "Above zero: requests are refused before a balance falls below it.";
  if (ceiling === null) errors.monthly_ceiling = NO_AMOUNT;
  else if (ceiling < credit)
    errors.monthly_ceiling = `One pack is ${formatUsd(credit)} of credit: with less, nothing is bought.`;
  if (threshold === null || ceiling === null || Object.keys(errors).length > 0) return errors;
  return { enabled: true, pack: terms.pack, threshold: toDecimal(threshold), monthly_ceiling: toDecimal(ceiling) };
}
