"use client";

import dynamic from "next/dynamic";
import type { ComponentProps } from "react";
import { Guard } from "@/components/ui/guard";
import { Skeleton } from "@/components/ui/panel";

const load = () => import("./first-call").then((module) => module.FirstCall);

/** Fetch it before it is shown. Where that fails it is asked for again then. */
export function prepareFirstCall(): void {
  load().catch(() => undefined);
}

const Lazy = dynamic(load, {
  loading: () => (
    <div aria-busy="true">
      <span className="sr-only">Loading…</span>
      <Skeleton className="h-80 w-full" />
    </div>
  ),
});

/** The first call, fetched where it is shown: who has made it already does not load it. What is around it stays if that fails. */
export function FirstCall(props: ComponentProps<typeof Lazy>) {
  return (
    <Guard fallback={<p className="text-sm text-muted">This part did not load. Load the page again to see it.</p>}>
      <Lazy {...props} />
    </Guard>
  );
}
