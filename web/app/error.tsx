"use client";

import { Button } from "@/components/ui/button";

/** A page that broke, as where the gateway was upgraded under it. */
export default function BrokenPage() {
  return (
    <main className="mx-auto flex min-h-dvh max-w-xl flex-col items-start justify-center gap-4 px-4 sm:px-6">
      <h1 className="text-2xl font-semibold tracking-tight">This page did not load.</h1>
      <p className="text-muted">It may have been replaced by a newer one. Loading it again mostly helps.</p>
      <Button onClick={() => window.location.reload()}>Load it again</Button>
    </main>
  );
}
