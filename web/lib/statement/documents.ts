// Statements and exports: the kinds, their periods, and their URLs on the gateway.

import { API_BASE } from "@/lib/api/client";
import { chosen, dayAfter } from "@/lib/navigation/url-state";
import { isoDay } from "@/lib/time";

/** A file that the gateway generates: a kind of /api/exports, and a table if the kind has tables. */
export type Format = { name: string; kind: string; table?: string };
export type Export = { name: string; purpose: string; formats: readonly Format[] };

export const EXPORTS: readonly Export[] = [
  {
    name: "Transactions",
    purpose: "Every credit, charge and release, with its amount. For spreadsheets.",
    formats: sheet("transactions"),
  },
  {
    name: "Usage",
    purpose: "Every charge with its key, model, tokens, searches and images. For cost reports.",
    formats: sheet("usage"),
  },
  {
    name: "Credit lots",
    purpose: "The remaining credit, price and tax of each top-up and grant. For prepaid expenses.",
    formats: sheet("lots"),
  },
  {
    name: "Journal",
    purpose: "Every posting, debit and credit. For double-entry bookkeeping.",
    formats: sheet("journal"),
  },
  {
    name: "FOCUS 1.2",
    purpose: "Purchases and usage in the FinOps Foundation's format. For cloud billing tools.",
    formats: [
      { name: "CSV", kind: "focus" },
      { name: "Parquet", kind: "parquet", table: "focus" },
    ],
  },
  {
    name: "Plain-text books",
    purpose: "The journal for beancount and hledger, which check that it balances.",
    formats: [
      { name: "beancount", kind: "beancount" },
      { name: "hledger", kind: "hledger" },
    ],
  },
];

function sheet(table: string): Format[] {
  return [
    { name: "CSV", kind: "csv", table },
    { name: "Parquet", kind: "parquet", table },
  ];
}

/** The period of an export: a month ("2026-11"), or days, both included; a null end is open. */
export type Period = { month: string } | { from: string | null; to: string | null };
export const ALL_TIME: Period = { from: null, to: null };

/** The error in a period; null if it is valid. */
export function periodProblem(period: Period): string | null {
  const reversed = "from" in period && period.from !== null && period.to !== null && period.from > period.to;
  return reversed ? "The first day is after the last day." : null;
}

export function exportHref({ kind, table }: Format, period: Period): string {
  const query = new URLSearchParams(chosen({ table, ...rangeOf(period) }));
  return `${API_BASE}/api/exports/${kind}${query.size > 0 ? `?${query}` : ""}`;
}

/** The period in the API's form: `to` is not included. */
function rangeOf(period: Period): { from: string | null; to: string | null } {
  if ("month" in period) return { from: `${period.month}-01`, to: `${monthAfter(period.month)}-01` };
  return { from: period.from, to: period.to && dayAfter(period.to) };
}

/** The URL of a month's printable statement. */
export function statementHref(month: string): string {
  return `${API_BASE}/api/statements/${month}?format=html`;
}

/** The UTC months since an account was opened, as "2026-11", newest first. */
export function monthsSince(openedAt: string, now: Date): string[] {
  const first = monthNumber(isoDay(new Date(openedAt)));
  const last = Math.max(first, monthNumber(isoDay(now)));
  return Array.from({ length: last - first + 1 }, (_, back) => monthOf(last - back));
}

function monthAfter(month: string): string {
  return monthOf(monthNumber(month) + 1);
}

/** Months since the year 0. */
function monthNumber(day: string): number {
  const [year, month] = day.split("-").map(Number);
  return (year ?? 0) * 12 + (month ?? 1) - 1;
}

function monthOf(number: number): string {
  return `${String(Math.floor(number / 12)).padStart(4, "0")}-${String((number % 12) + 1).padStart(2, "0")}`;
}
