"use client";

import type { ReactNode } from "react";
import { parseAsDay } from "@/lib/navigation/url-state";
import { Button } from "./button";
import { INPUT } from "./field";
import { Empty } from "./panel";

/** The filters above a table. `clear` is set while a filter is active. */
export function FilterBar({ clear, children }: { clear?: () => void; children: ReactNode }) {
  return (
    <div className="flex flex-wrap items-center gap-2 border-b bg-sunken/50 px-4 py-2.5 max-sm:grid max-sm:grid-cols-2 max-sm:items-end sm:px-5">
      {children}
      {clear && (
        <Button look="quiet" size="small" onClick={clear}>
          Clear filters
        </Button>
      )}
    </div>
  );
}

type SelectFilterProps = {
  label: string;
  /** The name of the option that filters nothing. */
  all: string;
  value: string | null;
  options: readonly (readonly [value: string, name: string])[];
  onChange: (value: string | null) => void;
};

/** A filter by one value. A value that is not (or no longer) in the list is still shown. */
export function SelectFilter({ label, all, value, options, onChange }: SelectFilterProps) {
  const unlisted = value !== null && !options.some(([each]) => each === value);
  return (
    <select
      aria-label={label}
      value={value ?? ""}
      onChange={(event) => onChange(event.target.value || null)}
      className={`${INPUT} sm:w-auto! max-w-full`}
    >
      <option value="">{all}</option>
      {unlisted && <option value={value}>{value}</option>}
      {options.map(([each, name]) => (
        <option key={each} value={each}>
          {name}
        </option>
      ))}
    </select>
  );
}

type DayInputProps = { label: string; value: string | null; onChange: (day: string | null) => void };

/** A UTC day. */
export function DayInput({ label, value, onChange }: DayInputProps) {
  return (
    <label className="flex items-center gap-2 text-sm text-muted max-sm:flex-col max-sm:items-start max-sm:gap-1">
      {label} (UTC)
      <input
        type="date"
        value={value ?? ""}
        onChange={(event) => onChange(parseAsDay.parse(event.target.value))}
        className={`${INPUT} sm:w-auto!`}
      />
    </label>
  );
}

type NoMatchProps = { title: string; clear: () => void; children?: ReactNode };

/** The empty state when the filters match nothing. */
export function NoMatch({
  title,
  clear,
  children = "Nothing in this account matches all of the filters.",
}: NoMatchProps) {
  return (
    <Empty
      title={title}
      action={
        <Button look="secondary" onClick={clear}>
          Clear filters
        </Button>
      }
    >
      {children}
    </Empty>
  );
}
