"use client";

import { formatInstant } from "@/lib/time";

/** An instant from the API in the local time zone, with UTC as its title. */
export function Instant({ at, withSeconds = false }: { at: string; withSeconds?: boolean }) {
  return (
    <time dateTime={at} title={at} className="tabular whitespace-nowrap">
      {formatInstant(at, withSeconds)}
    </time>
  );
}
