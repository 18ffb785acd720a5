"use client";

import { clsx } from "clsx";
import { type ComponentProps, type ReactNode, useId } from "react";

export const INPUT =
  "block w-full min-h-10 rounded-lg border border-line-strong bg-surface px-3 py-2 text-sm text-text placeholder:text-muted " +
  "aria-invalid:border-danger disabled:opacity-60";

type Described = { label: string; hint?: ReactNode; error?: string | null; optional?: boolean };
type FieldProps = Described & Omit<ComponentProps<"input">, "id">;

/** A labelled input. `error` is announced, and replaces the hint. */
export function Field({ label, hint, error, optional, className, ...rest }: FieldProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} error={error ?? null} optional={optional ?? false} className={className}>
      <input {...rest} {...described(id, hint, error)} className={INPUT} />
    </Frame>
  );
}

type SelectFieldProps = Described & Omit<ComponentProps<"select">, "id">;

export function SelectField({ label, hint, error, optional, className, children, ...rest }: SelectFieldProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} error={error ?? null} optional={optional ?? false} className={className}>
      <select {...rest} {...described(id, hint, error)} className={INPUT}>
        {children}
      </select>
    </Frame>
  );
}

function described(id: string, hint: ReactNode, error: string | null | undefined) {
  return {
    id,
    "aria-invalid": error ? (true as const) : undefined,
    "aria-describedby": error || hint ? `${id}-said` : undefined,
  };
}

type FrameProps = {
  id: string;
  label: string;
  hint: ReactNode;
  error: string | null;
  optional: boolean;
  className: string | undefined;
  children: ReactNode;
};

function Frame({ id, label, hint, error, optional, className, children }: FrameProps) {
  return (
    <div className={clsx("space-y-1.5", className)}>
      <label htmlFor={id} className="block text-sm font-medium">
        {label}
        {optional && <span className="font-normal text-muted"> (optional)</span>}
      </label>
      {children}
      <p
        id={`${id}-said`}
        role={error ? "alert" : undefined}
        className={clsx("text-sm", error ? "text-danger" : "text-muted")}
      >
        {error ?? hint}
      </p>
    </div>
  );
}
