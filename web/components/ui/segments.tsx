"use client";

import { clsx } from "clsx";

type SegmentsProps<T extends string> = {
  label: string;
  options: readonly (readonly [value: T, name: string])[];
  value: T | null;
  onChange: (value: T) => void;
};

/** A row of choices, of which one is selected. */
export function Segments<T extends string>({ label, options, value, onChange }: SegmentsProps<T>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset belongs in a form
    <div role="group" aria-label={label} className="flex max-w-full flex-wrap gap-0.5 rounded-lg bg-sunken p-0.5">
      {options.map(([each, name]) => (
        <button
          key={each}
          type="button"
          aria-pressed={each === value}
          onClick={() => onChange(each)}
          className={clsx(
            "min-h-9 rounded-md px-3 text-sm font-medium whitespace-nowrap",
            each === value ? "bg-surface text-text shadow-xs ring-1 ring-line-strong/40" : "text-muted hover:text-text",
          )}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
