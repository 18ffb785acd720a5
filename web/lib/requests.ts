// Requests as the dashboard lists them: those in flight from the live events, those that are settled from the statement.
//
// Rule 1: a request stands in the list once; what the statement says of it goes before what an event said.
// Rule 2: what is kept of the events is bounded: the newest, and of these the open ones last of all.

import type { RequestEvent } from "./live";
import type { RequestDetail, Transaction } from "./queries";

export type RequestRow = {
  id: string;
  at: string;
  model: string;
  endpoint: string;
  keyId: string;
  /** Null where it is not known, or nothing was used. */
  tokens: { input: number; output: number } | null;
  state: RequestEvent["state"];
  /** How it ended, in a word or two. */
  said: string;
  holdNanos: string;
  costNanos: string | null;
  estimated: boolean;
};
export type RowFilter = { kind?: string; key?: string; model?: string; from?: string; to?: string };

export const LIVE_ROWS_MAX = 50;

const FINISHES: Record<string, string> = {
  completed: "Completed",
  stop: "Completed",
  length: "Cut at its limit",
  "incomplete:max_output_tokens": "Cut at its limit",
  tool_calls: "Calls tools",
  content_filter: "Filtered",
  "incomplete:content_filter": "Filtered",
};
const REASONS: Record<string, string> = {
  cancelled: "Cancelled",
  upstream_failed: "Provider failed",
  settle_timeout: "Ledger too slow",
  store_unavailable: "Ledger unreachable",
  shutdown: "Gateway shut down",
  lease_lost: "Gateway cut off",
  orphaned: "Gateway died",
  internal_error: "Fault of ours",
};
const KINDS: Record<string, string> = {
  input: "Input tokens",
  cached_input: "Cached input tokens",
  cache_write: "Tokens written to the cache",
  cache_write_1h: "Tokens written to the cache for an hour",
  image_input: "Input tokens of images",
  output: "Output tokens",
  image_output: "Output tokens of images",
  web_search_call: "Web searches",
  rounding: "Rounding up to a nano-dollar",
};
const TOPICS: Record<string, string> = {
  "request.admitted.v1": "Admitted: hold taken",
  "request.debited.v1": "Charged: the rest of the hold returned",
  "request.released.v1": "Released: the whole hold returned",
};

export function finishInWords(finish: string | null, outcome: string | null): string {
  if (outcome === "cancelled") return "Cancelled, charged";
  return finish ? (FINISHES[finish] ?? inWords(finish)) : "Charged";
}

export function reasonInWords(reason: string | null): string {
  return reason ? (REASONS[reason] ?? inWords(reason)) : "Released";
}

/** "image:high/1024x1024" is "Images, high 1024x1024"; "call:mcp" is "Calls of mcp". */
export function costKindInWords(kind: string): string {
  const [family = "", which] = kind.split(/:(.*)/s);
  if (which === undefined) return KINDS[kind] ?? inWords(kind);
  if (family === "image") return which === "*" ? "Images" : `Images, ${which.replace("/", " ")}`;
  return family === "call" ? `Calls of ${inWords(which, false)}` : inWords(kind);
}

export function topicInWords(topic: string): string {
  return TOPICS[topic] ?? topic;
}

export function endpointPath(endpoint: string): string {
  return endpoint === "chat" ? "/v1/chat/completions" : `/v1/${endpoint}`;
}

export function detailInWords(request: RequestDetail): string {
  if (request.state === "open") return "Open";
  return request.state === "debited" ? finishInWords(request.finish, request.outcome) : reasonInWords(request.reason);
}

export function rowOfTransaction(row: Transaction): RequestRow {
  const released = row.kind === "release";
  return {
    id: row.id,
    at: row.at,
    model: row.model ?? "",
    endpoint: row.endpoint ?? "",
    keyId: row.key_id ?? "",
    tokens: released ? null : { input: row.input_tokens, output: row.output_tokens },
    state: released ? "released" : "debited",
    said: released ? reasonInWords(row.reason) : finishInWords(row.finish, row.outcome),
    holdNanos: row.hold_nanos,
    costNanos: row.amount_nanos.replace(/^-/, ""),
    estimated: row.estimated,
  };
}

export function rowOfEvent(event: RequestEvent): RequestRow {
  const words = { open: "Open", debited: finishInWords(null, null), released: reasonInWords(event.reason) };
  return {
    id: event.request_id,
    at: event.at,
    model: event.model,
    endpoint: event.endpoint,
    keyId: event.key_id,
    tokens: null,
    state: event.state,
    said: words[event.state],
    holdNanos: event.hold_nanos,
    costNanos: event.cost_nanos,
    estimated: false,
  };
}

/** The events with one more: the newest first, at most LIVE_ROWS_MAX of them. */
export function noted(events: readonly RequestEvent[], event: RequestEvent): RequestEvent[] {
  const known = events.find((one) => one.request_id === event.request_id);
  if (known && known.position >= event.position) return [...events];
  const others = events.filter((one) => one !== known);
  const all = [event, ...others].sort((one, other) => other.position - one.position);
  return all.length > LIVE_ROWS_MAX ? without(all, oldest(all)) : all;
}

/** The page of the statement below what only the events know so far. */
export function withLive(
  events: readonly RequestEvent[],
  page: readonly RequestRow[],
  filter: RowFilter,
): RequestRow[] {
  const settled = new Set(page.map((row) => row.id));
  const fresh = events.map(rowOfEvent).filter((row) => !settled.has(row.id) && matches(row, filter));
  return [...fresh.filter(isOpen), ...fresh.filter((row) => !isOpen(row)), ...page];
}

function matches(row: RequestRow, { kind, key, model, from, to }: RowFilter): boolean {
  const states: Record<string, RequestRow["state"]> = { debit: "debited", release: "released" };
  return (
    (kind === undefined || states[kind] === row.state) &&
    (key === undefined || row.keyId === key) &&
    (model === undefined || row.model === model) &&
    (from === undefined || row.at >= from) &&
    (to === undefined || row.at < to)
  );
}

function isOpen(row: RequestRow): boolean {
  return row.state === "open";
}

function oldest(events: RequestEvent[]): RequestEvent | undefined {
  return events.findLast((event) => event.state !== "open") ?? events.at(-1);
}

function without(events: RequestEvent[], one: RequestEvent | undefined): RequestEvent[] {
  return events.filter((event) => event !== one);
}

function inWords(name: string, capital = true): string {
  const words = name.replaceAll("_", " ").replace(":", ": ");
  return capital ? words.charAt(0).toUpperCase() + words.slice(1) : words;
}
