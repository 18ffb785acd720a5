"use client";

import dynamic from "next/dynamic";
import type { ComponentProps } from "react";
import { Guard } from "@/components/ui/guard";
import { Skeleton } from "@/components/ui/panel";

const load = () => import("./first-call").then((module) => module.FirstCall);

/** Fetch the code before it is needed. If that fails, it is fetched again when shown. */
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

/** The first call, loaded only when shown. If loading fails, the content around it remains. */
export function FirstCall(props: ComponentProps<typeof Lazy>) {
  return (
    <Guard fallback={<p className="text-sm text-muted">This part did not load. Reload the page to see it.</p>}>
      <Lazy {...props} />
    </Guard>
  );
}
