// Rows of the statement in words.

import type { Transaction } from "./queries";

/** Every kind that the API documents, in the order in which a filter lists them. */
export const KIND_NAMES = {
  debit: "Request",
  release: "Request, not charged",
  top_up: "Top-up",
  grant: "Credit granted",
  correction: "Correction",
  refund: "Refund",
  refund_failed: "Refund that failed",
  dispute: "Dispute",
  dispute_won: "Dispute won",
} as const;
export type Kind = keyof typeof KIND_NAMES;
export const KINDS = Object.keys(KIND_NAMES) as Kind[];

/** The name of a kind; one that this page does not know is shown as it is. */
export function kindName(kind: string): string {
  return KIND_NAMES[kind as Kind] ?? kind.replaceAll("_", " ");
}

export function isRequest(row: Transaction): boolean {
  return row.kind === "debit" || row.kind === "release";
}
