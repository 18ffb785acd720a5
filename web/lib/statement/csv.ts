// A page of the statement as CSV: the rows on the page, in the same order, with exact amounts.

import type { Transaction } from "@/lib/api/queries";
import { type CsvValue, toCsv } from "@/lib/files/csv";

const TEXTS = ["id", "model", "key_id", "reference", "reason"] as const;

export function statementCsv(rows: readonly Transaction[]): string {
  return toCsv(["position", "at", "kind", "amount_usd", "balance_after_usd", ...TEXTS], rows.map(fields));
}

/** "realrouter-transactions-654-to-598.csv", from the positions of the first and last row. */
export function statementFileName(rows: readonly Transaction[]): string {
  return `realrouter-transactions-${rows.at(0)?.position}-to-${rows.at(-1)?.position}.csv`;
}

function fields(row: Transaction): CsvValue[] {
  const balance: CsvValue = row.balance_after === null ? "" : { exact: row.balance_after };
  return [row.position, row.at, row.kind, { exact: row.amount }, balance, ...TEXTS.map((name) => row[name] ?? "")];
}
