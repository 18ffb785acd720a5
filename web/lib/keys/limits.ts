// A key's limits: as form values, in the API's form, and in words.
//
// Rule 1: an empty field means no limit; an invalid one is an error at that field, before anything is sent.
// Rule 2: a change sends only the limits that differ, so that concurrent changes to others survive.

import type { Schemas } from "@/lib/api/client";
import type { ApiKey } from "@/lib/api/queries";
import { formatUsdExact, nanos, parseUsd, toDecimal } from "@/lib/money";
import { formatCount, formatInstant } from "@/lib/time";

export type LimitsForm = {
  /** Empty for all models. */
  models: string[];
  monthly_budget: string;
  requests_per_minute: string;
  tokens_per_minute: string;
  concurrency: string;
  /** The value of a datetime-local input, in the local time zone. */
  expires_at: string;
};
export type Limits = {
  models: string[] | null;
  monthly_budget: string | null;
  requests_per_minute: number | null;
  tokens_per_minute: number | null;
  concurrency: number | null;
  expires_at: string | null;
};
export type LimitErrors = Partial<Record<keyof LimitsForm, string>>;
export type LimitsRead = { limits: Limits; errors: null } | { limits: null; errors: LimitErrors };
export type KeyChange = Schemas["KeyChange"];
type Limited = Pick<ApiKey, keyof Limits | "monthly_budget_nanos">;

const COUNT_MAX = 1_000_000_000;
export const NO_LIMITS: LimitsForm = {
  models: [],
  monthly_budget: "",
  requests_per_minute: "",
  tokens_per_minute: "",
  concurrency: "",
  expires_at: "",
};

export function formOf(key: Limited): LimitsForm {
  return {
    models: key.models ?? [],
    monthly_budget: key.monthly_budget_nanos === null ? "" : toDecimal(nanos(key.monthly_budget_nanos)),
    requests_per_minute: key.requests_per_minute?.toString() ?? "",
    tokens_per_minute: key.tokens_per_minute?.toString() ?? "",
    concurrency: key.concurrency?.toString() ?? "",
    expires_at: key.expires_at === null ? "" : localMinute(new Date(key.expires_at)),
  };
}

export function readLimits(form: LimitsForm): LimitsRead {
  const errors: LimitErrors = {};
  const count = (field: "requests_per_minute" | "tokens_per_minute" | "concurrency") => {
    const read = readCount(form[field]);
    if (read === undefined)
      errors[field] = `Enter a whole number from 1 to ${formatCount(COUNT_MAX)}, or leave this empty.`;
    return read ?? null;
  };
  const budget = readBudget(form.monthly_budget);
  if (budget === undefined)
    errors.monthly_budget = "Enter an amount in USD above zero, such as 5.00, or leave this empty.";
  const expires = readInstant(form.expires_at);
  if (expires === undefined) errors.expires_at = "Enter a date and a time, or leave this empty.";
  const limits: Limits = {
    models: form.models.length > 0 ? [...form.models].sort() : null,
    monthly_budget: budget ?? null,
    requests_per_minute: count("requests_per_minute"),
    tokens_per_minute: count("tokens_per_minute"),
    concurrency: count("concurrency"),
    expires_at: expires ?? null,
  };
  return Object.keys(errors).length > 0 ? { limits: null, errors } : { limits, errors: null };
}

/** The limits in `after` that differ from `before`; null removes a limit. */
export function changeOf(before: Limits, after: Limits): KeyChange {
  const changed = Object.entries(after).filter(
    ([field, value]) => JSON.stringify(value) !== JSON.stringify(before[field as keyof Limits]),
  );
  return Object.fromEntries(changed);
}

/** A key's limits except the expiry: ["3 models", "$5.00 per month", "60 requests per minute"]. */
export function limitsInWords(key: Limited): string[] {
  const words: string[] = [];
  if (key.models !== null) words.push(key.models.length > 2 ? `${key.models.length} models` : key.models.join(", "));
  if (key.monthly_budget_nanos !== null) words.push(`${formatUsdExact(nanos(key.monthly_budget_nanos))} per month`);
  if (key.requests_per_minute !== null) words.push(`${counted(key.requests_per_minute, "request")} per minute`);
  if (key.tokens_per_minute !== null) words.push(`${counted(key.tokens_per_minute, "token")} per minute`);
  if (key.concurrency !== null) words.push(counted(key.concurrency, "concurrent request"));
  return words;
}

/** "Never", or the instant. */
export function expiryInWords(expiresAt: string | null): string {
  return expiresAt === null ? "Never" : formatInstant(expiresAt);
}

/** An instant as the value of a datetime-local input: local time, to the minute. */
export function localMinute(at: Date): string {
  const two = (part: number) => `${part}`.padStart(2, "0");
  const day = `${`${at.getFullYear()}`.padStart(4, "0")}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function readCount(text: string): number | null | undefined {
  const plain = text.replace(/[\s,]/g, "");
  if (plain === "") return null;
  if (!/^\d{1,10}$/.test(plain)) return undefined;
  const count = Number(plain);
  return count >= 1 && count <= COUNT_MAX ? count : undefined;
}

function readBudget(text: string): string | null | undefined {
  if (text.trim() === "") return null;
  const amount = parseUsd(text);
  return amount === null || amount <= 0n ? undefined : toDecimal(amount);
}

function readInstant(text: string): string | null | undefined {
  if (text === "") return null;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
