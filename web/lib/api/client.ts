// The only module that talks to the gateway. Paths, bodies and responses are typed from its OpenAPI document.
//
// Rule 1: an unsuccessful response becomes an ApiError with the envelope's error and the request's id.
// Rule 2: the base URL is fixed when the site is built: NEXT_PUBLIC_API_BASE, or the origin that serves the pages.

import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "@/lib/schema";
import { partOf } from "./answer-stream";
import { SseReader } from "./sse";

export type Schemas = components["schemas"];

/** Without a trailing slash; empty if the gateway serves the pages itself. */
export const API_BASE = (process.env.NEXT_PUBLIC_API_BASE ?? "").replace(/\/+$/, "");
const UNREACHABLE = "The gateway cannot be reached. Check your connection.";

/** A failed call. `status` is 0 if there was no response. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    message: string,
    readonly status: number,
    readonly code: string | null = null,
    readonly param: string | null = null,
    readonly requestId: string | null = null,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(message);
  }
}

const CREDENTIALS: RequestCredentials = API_BASE ? "include" : "same-origin";
const client: Client<paths> = createClient<paths>({ baseUrl: API_BASE, credentials: CREDENTIALS });

/** The client's methods; pass their results to `answered`. */
export const api = client;

/** The data of a response: `await answered(api.GET("/api/balance"))`. Throws ApiError. */
export async function answered<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let answer: { data?: T; error?: unknown; response: Response };
  try {
    answer = await call;
  } catch (error) {
    return unreachable(error);
  }
  const { data, error, response } = answer;
  if (!response.ok) throw toApiError(response, error);
  return data as T;
}

/**
 * Check that the gateway would send a file. HEAD does not count as one of the account's downloads; if it is refused,
 * a GET fetches the reason. Throws ApiError.
 */
export async function checkFile(href: string): Promise<void> {
  const init: RequestInit = { credentials: CREDENTIALS, cache: "no-store" };
  const head = await fetch(href, { ...init, method: "HEAD" }).catch((error) => unreachable(error));
  if (head.ok) return;
  const response = await fetch(href, init).catch((error) => unreachable(error));
  if (!response.ok) throw toApiError(response, await response.json().catch(() => null));
  await response.body?.cancel();
}

/** Throws `instead`; an AbortError from our own cancellation is passed on. */
function unreachable(error: unknown, instead: ApiError = new ApiError(UNREACHABLE, 0)): never {
  if (error instanceof DOMException && error.name === "AbortError") throw error;
  throw instead;
}

/** The error described by a response's status, headers and envelope. */
export function toApiError(response: Response, body: unknown): ApiError {
  const detail = detailOf(body);
  const wait = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new ApiError(
    detail?.message ?? `The gateway responded with status ${response.status}.`,
    response.status,
    detail?.code ?? null,
    detail?.param ?? null,
    response.headers.get("x-request-id"),
    Number.isFinite(wait) ? wait : null,
  );
}

function detailOf(body: unknown): Schemas["ErrorDetail"] | null {
  if (typeof body !== "object" || body === null || !("error" in body)) return null;
  const { error } = body as { error: unknown };
  return typeof error === "object" && error !== null && "message" in error ? (error as Schemas["ErrorDetail"]) : null;
}

export type StreamPart =
  | { type: "opened"; requestId: string | null }
  | { type: "text"; delta: string }
  | { type: "ended"; responseId: string | null };
export type StreamRequest = { apiKey: string; model: string; input: string };
const CUT_OFF = "The response was cut off.";

/** Stream a response, with an API key and no session cookie. Aborting the signal cancels it. Throws ApiError or AbortError. */
export async function* streamText(
  request: StreamRequest,
  signal: AbortSignal,
): AsyncGenerator<StreamPart, void, undefined> {
  const response = await postResponse(request, signal);
  if (!response.ok || response.body === null) throw toApiError(response, await response.json().catch(() => null));
  const requestId = response.headers.get("x-request-id");
  yield { type: "opened", requestId };
  const reader = new SseReader();
  for await (const bytes of chunks(response.body, new ApiError(CUT_OFF, response.status, null, null, requestId))) {
    for (const event of reader.feed(bytes)) {
      const part = partOf(event);
      if (part?.type === "failed") throw new ApiError(part.message, response.status, part.code, null, requestId);
      if (part !== null) yield part;
      if (part?.type === "ended") return;
    }
  }
}

async function postResponse({ apiKey, model, input }: StreamRequest, signal: AbortSignal): Promise<Response> {
  const body: Schemas["ResponsesRequest"] = { model, input, stream: true };
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  const init: RequestInit = { method: "POST", headers, body: JSON.stringify(body), credentials: "omit", signal };
  return fetch(`${API_BASE}/v1/responses`, init).catch((error) => unreachable(error));
}

/** The bytes of a body; throws `broken` at its end. The body is cancelled if the consumer stops early. */
async function* chunks(
  body: ReadableStream<Uint8Array>,
  broken: ApiError,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader(); // not every browser can iterate a stream directly
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error) => unreachable(error, broken));
      if (done) throw broken;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** The base URL for SDKs: absolute, ending in /v1. In the browser only. */
export function sdkBaseUrl(): string {
  return `${API_BASE || window.location.origin}/v1`;
}

/** The URL of the live events, for an EventSource. */
export const EVENTS_URL = `${API_BASE}/api/events`;
