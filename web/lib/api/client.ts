// The one module that talks to the gateway. Paths, bodies and answers are typed from its OpenAPI document.
//
// Rule 1: an answer that is no success becomes an ApiError with what the envelope says and the request's id.
// Rule 2: the base URL is fixed when the site is built: NEXT_PUBLIC_API_BASE, or where the pages come from.

import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "@/lib/schema";
import { partOf } from "./answer-stream";
import { SseReader } from "./sse";

export type Schemas = components["schemas"];

/** Without a trailing slash; empty where the gateway serves the pages itself. */
export const API_BASE = (process.env.NEXT_PUBLIC_API_BASE ?? "").replace(/\/+$/, "");
const UNREACHABLE = "The gateway cannot be reached. Check your connection.";

/** Why a call failed. `status` is 0 where no answer came. */
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

/** The methods of the client, whose answers go through `answered`. */
export const api = client;

/** The data of an answer: `await answered(api.GET("/api/balance"))`. Throws ApiError. */
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

/** Whether the gateway would send a file. HEAD asks, and takes no place among the account's downloads; why not, GET says. Throws ApiError. */
export async function checkFile(href: string): Promise<void> {
  const init: RequestInit = { credentials: CREDENTIALS, cache: "no-store" };
  const asked = await fetch(href, { ...init, method: "HEAD" }).catch((error) => unreachable(error));
  if (asked.ok) return;
  const told = await fetch(href, init).catch((error) => unreachable(error));
  if (!told.ok) throw toApiError(told, await told.json().catch(() => null));
  await told.body?.cancel();
}

/** Throws ApiError; what was cancelled from here stays what it is. */
function unreachable(error: unknown, instead: ApiError = new ApiError(UNREACHABLE, 0)): never {
  if (error instanceof DOMException && error.name === "AbortError") throw error;
  throw instead;
}

/** What went wrong, from a refusal's status, headers and envelope. */
export function toApiError(response: Response, body: unknown): ApiError {
  const detail = detailOf(body);
  const wait = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new ApiError(
    detail?.message ?? `The gateway answered ${response.status}.`,
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
export type StreamAsked = { apiKey: string; model: string; input: string };
const BROKEN_OFF = "The answer broke off.";

/** A response as it is written, for a key and without the session. The signal's abort cancels it. Throws ApiError, or AbortError. */
export async function* streamText(
  asked: StreamAsked,
  signal: AbortSignal,
): AsyncGenerator<StreamPart, void, undefined> {
  const response = await postResponse(asked, signal);
  if (!response.ok || response.body === null) throw toApiError(response, await response.json().catch(() => null));
  const requestId = response.headers.get("x-request-id");
  yield { type: "opened", requestId };
  const reader = new SseReader();
  for await (const bytes of chunks(response.body, new ApiError(BROKEN_OFF, response.status, null, null, requestId))) {
    for (const event of reader.feed(bytes)) {
      const part = partOf(event);
      if (part?.type === "failed") throw new ApiError(part.message, response.status, part.code, null, requestId);
      if (part !== null) yield part;
      if (part?.type === "ended") return;
    }
  }
}

async function postResponse({ apiKey, model, input }: StreamAsked, signal: AbortSignal): Promise<Response> {
  const body: Schemas["ResponsesRequest"] = { model, input, stream: true };
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  const init: RequestInit = { method: "POST", headers, body: JSON.stringify(body), credentials: "omit", signal };
  return fetch(`${API_BASE}/v1/responses`, init).catch((error) => unreachable(error));
}

/** The bytes of a body, up to its end, which is `broken`; it is let go of where the reader of them stops early. */
async function* chunks(
  body: ReadableStream<Uint8Array>,
  broken: ApiError,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader(); // not every browser iterates a stream by itself
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

/** Where SDKs point: an absolute URL that ends in /v1. In the browser only. */
export function sdkBaseUrl(): string {
  return `${API_BASE || window.location.origin}/v1`;
}

/** The address of the live events, for an EventSource. */
export const EVENTS_URL = `${API_BASE}/api/events`;
