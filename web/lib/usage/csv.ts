// A usage table as CSV: the rows on the page, in the same order.

import { type CsvValue, toCsv } from "@/lib/files/csv";
import { NANOS_PER_USD, nanos } from "@/lib/money";
import type { Counted, UsageGroup } from "./usage";

const COUNTS: readonly Counted[] = [
  "requests",
  "completed",
  "released",
  "input_tokens",
  "cached_tokens",
  "output_tokens",
  "reasoning_tokens",
  "web_search_calls",
  "images",
];
const DECIMALS = 9;

/** `by` names the first column; keys also have a column for their names. */
export function usageCsv(by: string, rows: readonly UsageGroup[], keyName: (id: string) => string): string {
  const head = by === "key" ? ["key_id", "key_name"] : [by];
  return toCsv(
    [...head, ...COUNTS, "cost_usd"],
    rows.map((row) => [...groupOf(by, row.group, keyName), ...COUNTS.map((field) => row[field]), costOf(row)]),
  );
}

/** "realrouter-usage-by-model-2026-11-01-to-2026-11-26.csv" */
export function usageFileName(by: string, days: { from: string; to: string }): string {
  return `realrouter-usage-by-${by}-${days.from}-to-${days.to}.csv`;
}

function groupOf(by: string, group: string, keyName: (id: string) => string): CsvValue[] {
  if (by === "key") return [group, keyName(group)];
  return [by === "day" ? group.slice(0, 10) : group];
}

function costOf(row: UsageGroup): CsvValue {
  const amount = nanos(row.cost_nanos);
  const fraction = (amount % NANOS_PER_USD).toString().padStart(DECIMALS, "0");
  return { exact: `${amount / NANOS_PER_USD}.${fraction}` };
}
