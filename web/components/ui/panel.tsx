"use client";

import type { UseQueryResult } from "@tanstack/react-query";
import { clsx } from "clsx";
import { type ReactNode, useId } from "react";
import { ApiError } from "@/lib/api/client";
import { formatInstant } from "@/lib/time";
import { Button } from "./button";

type PanelProps = { title: string; actions?: ReactNode; className?: string; flush?: boolean; children: ReactNode };

/** A labelled section of a page. `flush`: without padding, for tables. */
export function Panel({ title, actions, className, flush = false, children }: PanelProps) {
  const id = useId();
  return (
    <section aria-labelledby={id} className={clsx("min-w-0 overflow-hidden rounded-xl border bg-surface", className)}>
      <header className="flex min-h-13 flex-wrap items-center justify-between gap-x-4 gap-y-2 border-b px-4 py-2 sm:px-5">
        <h2 id={id} className="font-semibold">
          {title}
        </h2>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      <div className={flush ? "" : "px-4 py-4 sm:px-5"}>{children}</div>
    </section>
  );
}

type LoadedProps<T> = {
  query: UseQueryResult<T>;
  /** As large as the final content, so that nothing jumps. */
  skeleton: ReactNode;
  /** If it returns true, `empty` is shown instead of the data. */
  isEmpty?: (data: T) => boolean;
  empty?: ReactNode;
  children: (data: T) => ReactNode;
};

/** A query in all its states: loading, empty, failed, failed with old data, and loaded. */
export function Loaded<T>({ query, skeleton, isEmpty, empty, children }: LoadedProps<T>) {
  if (query.data === undefined) {
    if (query.isError) return <Failed error={query.error} retry={() => query.refetch()} busy={query.isFetching} />;
    return <Waiting>{skeleton}</Waiting>;
  }
  const data = query.data;
  return (
    <>
      {query.isError && (
        <Stale at={query.dataUpdatedAt} error={query.error} retry={() => query.refetch()} busy={query.isFetching} />
      )}
      {isEmpty?.(data) ? empty : children(data)}
    </>
  );
}

/** Wraps a skeleton, and announces that the content is loading. */
export function Waiting({ children }: { children: ReactNode }) {
  return (
    <div aria-busy="true">
      <span className="sr-only">Loading…</span>
      {children}
    </div>
  );
}

type FailedProps = { error: Error; retry: () => void; busy: boolean };

export function Failed({ error, retry, busy }: FailedProps) {
  return (
    <div role="alert" className="flex flex-col items-start gap-3 px-4 py-6 sm:px-5">
      <p className="text-sm">
        <span className="font-medium text-danger">This could not be loaded.</span> {error.message}
      </p>
      <RequestId error={error} />
      <Button look="secondary" size="small" busy={busy} onClick={retry}>
        Try again
      </Button>
    </div>
  );
}

/** The error after a failed action, such as a download. */
export function NotDone({ error, retry, busy }: FailedProps) {
  return (
    <div role="alert" className="mt-2 space-y-2 rounded-lg bg-danger-soft px-3 py-2.5 text-sm">
      <p className="text-danger">{error.message}</p>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <Button look="secondary" size="small" busy={busy} onClick={retry}>
          Try again
        </Button>
        <RequestId error={error} />
      </div>
    </div>
  );
}

/** The notice above old data whose refresh failed: its age, and the error. */
function Stale({ at, error, retry, busy }: FailedProps & { at: number }) {
  return (
    <div
      role="status"
      className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 bg-warning-soft px-4 py-2 text-sm text-warning sm:px-5"
    >
      <span>
        As of {formatInstant(new Date(at).toISOString(), true)}. {error.message} <RequestId error={error} />
      </span>
      <Button look="secondary" size="small" busy={busy} onClick={retry}>
        Try again
      </Button>
    </div>
  );
}

function RequestId({ error }: { error: Error }) {
  if (!(error instanceof ApiError) || !error.requestId) return null;
  return (
    <span className="text-xs text-muted">
      Request <code className="font-mono break-all">{error.requestId}</code>
    </span>
  );
}

/** An empty state: what is missing, and the next step. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-2 px-6 py-12 text-center">
      <p className="font-medium">{title}</p>
      {children && <div className="max-w-prose text-sm text-muted">{children}</div>}
      {action && <div className="mt-2 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}

export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden="true" className={clsx("animate-pulse rounded-md bg-line", className)} />;
}

/** Placeholder rows for a table that is loading. */
export function SkeletonRows({ rows = 8 }: { rows?: number }) {
  return (
    <div className="divide-y">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows have no identity
        <div key={row} className="flex h-12 items-center gap-6 px-4 sm:px-5">
          <Skeleton className="h-4 w-28" />
          <Skeleton className="h-4 flex-1" />
          <Skeleton className="h-4 w-16" />
        </div>
      ))}
    </div>
  );
}
