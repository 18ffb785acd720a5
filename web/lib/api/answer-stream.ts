// The events of a streamed response, reduced to the parts that a page shows.

import type { ServerEvent } from "./sse";

export type Part =
  | { type: "text"; delta: string }
  | { type: "ended"; responseId: string | null }
  | { type: "failed"; message: string; code: string | null };

const FAILED = "The response failed.";

/** The part that an event carries; null if it carries none, or is not an event of a response. */
export function partOf(event: ServerEvent): Part | null {
  const data = parsed(event.data);
  if (data === null) return null;
  switch (data.type) {
    case "response.output_text.delta":
    case "response.refusal.delta":
      return typeof data.delta === "string" ? { type: "text", delta: data.delta } : null;
    case "response.completed":
    case "response.incomplete":
      return { type: "ended", responseId: textIn(membersOf(data.response), "id") };
    case "response.failed":
      return failed(membersOf(membersOf(data.response).error));
    default:
      return data.type === "error" || "error" in data ? failed({ ...data, ...membersOf(data.error) }) : null;
  }
}

function failed(error: Record<string, unknown>): Part {
  return { type: "failed", message: textIn(error, "message") ?? FAILED, code: textIn(error, "code") };
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null; // [DONE], or not an event of a response
  }
}

function membersOf(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

function textIn(members: Record<string, unknown>, name: string): string | null {
  const value = members[name];
  return typeof value === "string" && value ? value : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
