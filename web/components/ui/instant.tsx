"use client";

import { formatInstant } from "@/lib/time";

/** An instant of the API in this browser's zone; in its title, in UTC. */
export function Instant({ at, withSeconds = false }: { at: string; withSeconds?: boolean }) {
  return (
    <time dateTime={at} title={at} className="tabular whitespace-nowrap">
      {formatInstant(at, withSeconds)}
    </time>
  );
}
