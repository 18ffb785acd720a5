// Statements and exports: which there are, for which times, and where the gateway has them.

import { API_BASE } from "@/lib/api/client";
import { chosen, dayAfter } from "@/lib/navigation/url-state";
import { isoDay } from "@/lib/time";

/** A file that the gateway makes: a kind of /api/exports, and its table where the kind has tables. */
export type Format = { name: string; kind: string; table?: string };
export type Export = { name: string; purpose: string; formats: readonly Format[] };

export const EXPORTS: readonly Export[] = [
  {
    name: "Transactions",
    purpose: "Each credit, charge and release, with its amount. For a spreadsheet.",
    formats: sheet("transactions"),
  },
  {
    name: "Usage",
    purpose: "Each charge with its key, model, tokens, searches and images. For cost reports.",
    formats: sheet("usage"),
  },
  {
    name: "Credit lots",
    purpose: "What each top-up and grant has left, what was paid for it, and its tax. For prepaid expenses.",
    formats: sheet("lots"),
  },
  {
    name: "Journal",
    purpose: "Each posting, debit and credit. For double-entry books.",
    formats: sheet("journal"),
  },
  {
    name: "FOCUS 1.2",
    purpose: "Purchases and usage as the FinOps Foundation has them. For tools that read cloud bills.",
    formats: [
      { name: "CSV", kind: "focus" },
      { name: "Parquet", kind: "parquet", table: "focus" },
    ],
  },
  {
    name: "Plain-text books",
    purpose: "The journal in the languages of beancount and hledger, which check it.",
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

/** What an export is of: everything, a month as "2026-11", or the days from one to another, both included, where they are set. */
export type Period = { month: string } | { from: string | null; to: string | null };
export const ALL_TIME: Period = { from: null, to: null };

/** What is wrong with a period; null where nothing is. */
export function periodProblem(period: Period): string | null {
  const reversed = "from" in period && period.from !== null && period.to !== null && period.from > period.to;
  return reversed ? "The first day is after the last one." : null;
}

export function exportHref({ kind, table }: Format, period: Period): string {
  const query = new URLSearchParams(chosen({ table, ...rangeOf(period) }));
  return `${API_BASE}/api/exports/${kind}${query.size > 0 ? `?${query}` : ""}`;
}

/** As the API takes it: `to` is not included. */
function rangeOf(period: Period): { from: string | null; to: string | null } {
  if ("month" in period) return { from: `${period.month}-01`, to: `${monthAfter(period.month)}-01` };
  return { from: period.from, to: period.to && dayAfter(period.to) };
}

/** The page of a month's statement, which prints. */
export function statementHref(month: string): string {
  return `${API_BASE}/api/statements/${month}?format=html`;
}

/** The UTC months of an account's life, as "2026-11", newest first. */
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
