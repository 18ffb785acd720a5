// The one module that talks to the gateway's /api and to GET /v1/models. Paths, bodies and answers are typed from its OpenAPI document.
//
// Rule 1: an answer that is no success becomes an ApiError with what the envelope says and the request's id.
// Rule 2: the base URL is fixed when the site is built: NEXT_PUBLIC_API_BASE, or where the pages come from.

import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema";

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

const client: Client<paths> = createClient<paths>({
  baseUrl: API_BASE,
  credentials: API_BASE ? "include" : "same-origin",
});

/** The methods of the client, whose answers go through `answered`. */
export const api = client;

/** The data of an answer: `await answered(api.GET("/api/balance"))`. Throws ApiError. */
export async function answered<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let answer: { data?: T; error?: unknown; response: Response };
  try {
    answer = await call;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(UNREACHABLE, 0);
  }
  const { data, error, response } = answer;
  if (!response.ok) throw toApiError(response, error);
  return data as T;
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

/** Where SDKs point: an absolute URL that ends in /v1. In the browser only. */
export function sdkBaseUrl(): string {
  return `${API_BASE || window.location.origin}/v1`;
}

/** The address of the live events, for an EventSource. */
export const EVENTS_URL = `${API_BASE}/api/events`;
