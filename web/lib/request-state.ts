// What became of a request, in a word and a colour.

import type { Tone } from "@/components/ui/badge";

export type Outcome = { said: string; tone: Tone };

const FINISHES: Record<string, string> = {
  stop: "completed",
  length: "completed, cut at its limit",
  max_output_tokens: "completed, cut at its limit",
  content_filter: "completed, cut by a filter",
  tool_calls: "completed, calls a tool",
};
const REASONS: Record<string, string> = {
  cancelled: "cancelled",
  upstream_refused: "refused by the provider",
  upstream_broken: "broken by the provider",
  upstream_timeout: "timed out",
  upstream_unreachable: "provider not reached",
  deadline: "past its deadline",
  shutdown: "stopped by a shutdown",
  instance_lost: "lost with its process",
  expired: "never settled",
};

/** `state` as the API has it: open, debited or released. */
export function outcomeOf(state: string, finish: string | null, reason: string | null): Outcome {
  if (state === "open") return { said: "open", tone: "warning" };
  if (state === "debited") return { said: FINISHES[finish ?? "stop"] ?? `completed, ${words(finish)}`, tone: "good" };
  return { said: reason === null ? "not charged" : (REASONS[reason] ?? words(reason)), tone: "neutral" };
}

function words(code: string | null): string {
  return (code ?? "").replaceAll("_", " ");
}
