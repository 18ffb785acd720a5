// The kinds of transactions: their names, filters and descriptions, and the pages that their rows link to.

import type { Transaction } from "@/lib/api/queries";
import { requestHref, transactionHref } from "@/lib/navigation/ids";

/** Every kind that the API documents, in the order in which the filter lists them. */
export const KIND_NAMES = {
  debit: "Request",
  release: "Request, not charged",
  top_up: "Top-up",
  grant: "Credit granted",
  correction: "Correction",
  refund: "Refund",
  refund_failed: "Failed refund",
  dispute: "Dispute",
  dispute_won: "Dispute won",
} as const;
export type Kind = keyof typeof KIND_NAMES;
export const KINDS = Object.keys(KIND_NAMES) as Kind[];
/** A filter for every kind except requests. */
export const CREDITS = "credits";
export const CREDITS_NAME = "All except requests";
export type KindFilter = Kind | typeof CREDITS;
export const KIND_FILTERS: readonly KindFilter[] = [CREDITS, ...KINDS];
const OF_REQUESTS: readonly string[] = ["debit", "release"];
const OF_PAYMENTS: readonly string[] = ["refund", "refund_failed", "dispute", "dispute_won"];

/** The name of a kind; an unknown kind is shown by its code. */
export function kindName(kind: string): string {
  return KIND_NAMES[kind as Kind] ?? kind.replaceAll("_", " ");
}

export function kindsOf(filter: KindFilter): Kind[] {
  return filter === CREDITS ? KINDS.filter((kind) => !OF_REQUESTS.includes(kind)) : [filter];
}

export function isRequest(row: Pick<Transaction, "kind">): boolean {
  return OF_REQUESTS.includes(row.kind);
}

/** The page that explains a row: its request, its checkout, or the payment that it refunds. Null if there is none. */
export function storyOf(row: Pick<Transaction, "kind" | "id" | "reference">): string | null {
  if (isRequest(row)) return requestHref(row.id);
  if (row.reference === null) return null;
  if (row.kind === "top_up") return `/dashboard/billing?checkout=${encodeURIComponent(row.reference)}`;
  return OF_PAYMENTS.includes(row.kind) ? transactionHref(row.reference) : null;
}

/** The text next to a row's kind. */
export function aboutOf(row: Pick<Transaction, "kind" | "model" | "reason" | "reference">): string {
  return (isRequest(row) ? row.model : (row.reason ?? row.reference)) ?? "";
}
