"use client";
// The form fields for a key's limits. The parent form holds the values.

import { useId } from "react";
import { Field } from "@/components/ui/field";
import { useModels } from "@/lib/api/queries";
import type { LimitErrors, LimitsForm } from "@/lib/keys/limits";

export const LIMIT_FIELDS = [
  "models",
  "monthly_budget",
  "requests_per_minute",
  "tokens_per_minute",
  "concurrency",
  "expires_at",
] as const satisfies readonly (keyof LimitsForm)[];

type KeyFieldsProps = {
  form: LimitsForm;
  errors: (field: keyof LimitErrors) => string | null;
  onChange: (change: Partial<LimitsForm>) => void;
};

export function KeyFields({ form, errors, onChange }: KeyFieldsProps) {
  return (
    <div className="space-y-4">
      <Models chosen={form.models} error={errors("models")} onChange={(models) => onChange({ models })} />
      <div className="grid gap-4 sm:grid-cols-2">
        <Field
          label="Monthly budget, USD"
          optional
          inputMode="decimal"
          autoComplete="off"
          placeholder="No limit"
          hint="Per UTC month. Requests that would exceed it are refused."
          value={form.monthly_budget}
          error={errors("monthly_budget")}
          onChange={(event) => onChange({ monthly_budget: event.target.value })}
        />
        <Field
          label="Expires"
          optional
          type="datetime-local"
          hint="In your time zone. Leave empty for never."
          value={form.expires_at}
          error={errors("expires_at")}
          onChange={(event) => onChange({ expires_at: event.target.value })}
        />
      </div>
      <div className="grid gap-4 sm:grid-cols-3">
        <Field
          label="Requests per minute"
          optional
          inputMode="numeric"
          autoComplete="off"
          placeholder="No limit"
          value={form.requests_per_minute}
          error={errors("requests_per_minute")}
          onChange={(event) => onChange({ requests_per_minute: event.target.value })}
        />
        <Field
          label="Tokens per minute"
          optional
          inputMode="numeric"
          autoComplete="off"
          placeholder="No limit"
          value={form.tokens_per_minute}
          error={errors("tokens_per_minute")}
          onChange={(event) => onChange({ tokens_per_minute: event.target.value })}
        />
        <Field
          label="Concurrent requests"
          optional
          inputMode="numeric"
          autoComplete="off"
          placeholder="No limit"
          value={form.concurrency}
          error={errors("concurrency")}
          onChange={(event) => onChange({ concurrency: event.target.value })}
        />
      </div>
    </div>
  );
}

type ModelsProps = { chosen: string[]; error: string | null; onChange: (models: string[]) => void };

/** A model that is no longer offered stays in the list while the key allows it. */
function Models({ chosen, error, onChange }: ModelsProps) {
  const id = useId();
  const models = useModels();
  const offered = models.data?.map((model) => model.id) ?? [];
  const all = [...offered, ...chosen.filter((model) => !offered.includes(model))];
  const toggle = (model: string) =>
    onChange(chosen.includes(model) ? chosen.filter((one) => one !== model) : [...chosen, model]);
  return (
    <fieldset aria-describedby={`${id}-said`} className="space-y-1.5">
      <legend className="text-sm font-medium">
        Models <span className="font-normal text-muted">(optional)</span>
      </legend>
      <div className="grid max-h-44 gap-x-4 overflow-y-auto rounded-lg border border-line-strong px-3 py-1 sm:grid-cols-2">
        {all.map((model) => (
          <label key={model} className="flex min-h-10 min-w-0 items-center gap-2.5 text-sm">
            <input
              type="checkbox"
              checked={chosen.includes(model)}
              onChange={() => toggle(model)}
              className="size-4 shrink-0 accent-(--accent)"
            />
            <span className="truncate" title={model}>
              {model}
            </span>
          </label>
        ))}
        {all.length === 0 && (
          <p className="py-2 text-sm text-muted">{models.isPending ? "Loading…" : "No models are available."}</p>
        )}
      </div>
      <p
        id={`${id}-said`}
        role={error ? "alert" : undefined}
        className={error ? "text-sm text-danger" : "text-sm text-muted"}
      >
        {error ?? (chosen.length === 0 ? "None selected: the key may use all models." : `${chosen.length} selected.`)}
      </p>
    </fieldset>
  );
}
