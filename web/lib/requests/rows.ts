// The rows of the dashboard's list of requests: requests in flight come from live events, settled ones from the statement.
//
// Rule 1: a request appears once; the statement takes precedence over events.
// Rule 2: at most LIVE_ROWS_MAX events are kept; the oldest settled one is dropped first, open ones last.

import type { RequestEvent } from "@/lib/api/live";
import type { Transaction } from "@/lib/api/queries";
import { finishInWords, reasonInWords } from "./words";

export type RequestRow = {
  id: string;
  at: string;
  model: string;
  endpoint: string;
  keyId: string;
  /** Null if unknown, or if the request was released. */
  tokens: { input: number; output: number } | null;
  state: RequestEvent["state"];
  /** How it ended, in a word or two. */
  label: string;
  holdNanos: string;
  costNanos: string | null;
  estimated: boolean;
};
export type RowFilter = { kind?: string; key?: string; model?: string; from?: string; to?: string };

export const LIVE_ROWS_MAX = 50;

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
    label: released ? reasonInWords(row.reason) : finishInWords(row.finish, row.outcome),
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
    label: words[event.state],
    holdNanos: event.hold_nanos,
    costNanos: event.cost_nanos,
    estimated: false,
  };
}

/** Add an event: newest first, at most LIVE_ROWS_MAX. */
export function noted(events: readonly RequestEvent[], event: RequestEvent): RequestEvent[] {
  const known = events.find((one) => one.request_id === event.request_id);
  if (known && known.position >= event.position) return [...events];
  const others = events.filter((one) => one !== known);
  const all = [event, ...others].sort((one, other) => other.position - one.position);
  return all.length > LIVE_ROWS_MAX ? without(all, oldest(all)) : all;
}

/** Put requests that only live events report so far above a page of the statement. */
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
