"use client";

import dynamic from "next/dynamic";
import { Skeleton } from "../ui/panel";

/** The first call, fetched where it is shown: who has made it already does not load it. */
export const FirstCall = dynamic(() => import("./first-call").then((module) => module.FirstCall), {
  loading: () => (
    <div aria-busy="true">
      <span className="sr-only">Loading…</span>
      <Skeleton className="h-80 w-full" />
    </div>
  ),
});
