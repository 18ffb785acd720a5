"use client";

import { Button } from "@/components/ui/button";

/** Shown when a page fails, for example because the gateway was upgraded while it was open. */
export default function BrokenPage() {
  return (
    <main className="mx-auto flex min-h-dvh max-w-xl flex-col items-start justify-center gap-4 px-4 sm:px-6">
      <h1 className="text-2xl font-semibold tracking-tight">This page failed to load.</h1>
      <p className="text-muted">A newer version may have replaced it. Reloading usually helps.</p>
      <Button onClick={() => window.location.reload()}>Reload</Button>
    </main>
  );
}
