// What the codes of a request mean, in words: how it ended, the lines of its cost, the events of its stream.

import type { RequestDetail } from "@/lib/api/queries";

const FINISHES: Record<string, string> = {
  completed: "Completed",
  stop: "Completed",
  length: "Truncated",
  "incomplete:max_output_tokens": "Truncated",
  tool_calls: "Tool calls",
  content_filter: "Filtered",
  "incomplete:content_filter": "Filtered",
};
const REASONS: Record<string, string> = {
  cancelled: "Cancelled",
  upstream_failed: "Provider failed",
  settle_timeout: "Ledger timed out",
  store_unavailable: "Ledger unreachable",
  shutdown: "Gateway shut down",
  lease_lost: "Lease lost",
  orphaned: "Gateway crashed",
  internal_error: "Internal error",
};
const KINDS: Record<string, string> = {
  input: "Input tokens",
  cached_input: "Cached input tokens",
  cache_write: "Cache write tokens",
  cache_write_1h: "Cache write tokens, kept for an hour",
  image_input: "Image input tokens",
  output: "Output tokens",
  image_output: "Image output tokens",
  web_search_call: "Web searches",
  rounding: "Rounding up to a nano-dollar",
};
const TOPICS: Record<string, string> = {
  "request.admitted.v1": "Admitted: hold placed",
  "request.debited.v1": "Charged: rest of the hold returned",
  "request.released.v1": "Released: whole hold returned",
};

/** How a charged request ended. An unknown finish reason is shown as it is. */
export function finishInWords(finish: string | null, outcome: string | null): string {
  if (outcome === "cancelled") return "Cancelled, charged";
  return finish ? (FINISHES[finish] ?? inWords(finish)) : "Charged";
}

/** Why a request was released. */
export function reasonInWords(reason: string | null): string {
  return reason ? (REASONS[reason] ?? inWords(reason)) : "Released";
}

/** "image:high/1024x1024" is "Images, high 1024x1024"; "call:mcp" is "Calls to mcp". */
export function costKindInWords(kind: string): string {
  const [family = "", which] = kind.split(/:(.*)/s);
  if (which === undefined) return KINDS[kind] ?? inWords(kind);
  if (family === "image") return which === "*" ? "Images" : `Images, ${which.replace("/", " ")}`;
  return family === "call" ? `Calls to ${inWords(which, false)}` : inWords(kind);
}

export function topicInWords(topic: string): string {
  return TOPICS[topic] ?? topic;
}

export function endpointPath(endpoint: string): string {
  return endpoint === "chat" ? "/v1/chat/completions" : `/v1/${endpoint}`;
}

/** How a request ended, or that it is still open. */
export function detailInWords(request: RequestDetail): string {
  if (request.state === "open") return "Open";
  return request.state === "debited" ? finishInWords(request.finish, request.outcome) : reasonInWords(request.reason);
}

function inWords(name: string, capital = true): string {
  const words = name.replaceAll("_", " ").replace(":", ": ");
  return capital ? words.charAt(0).toUpperCase() + words.slice(1) : words;
}
