"use client";
// A key's secret, which is shown only here and only once.

import { useEffect, useRef, useState } from "react";
import { FirstCall } from "@/components/dashboard/first-call/lazy";
import { Button } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy";
import { Disclosure } from "@/components/ui/disclosure";
import type { MadeKey } from "@/lib/api/queries";

type KeySecretProps = {
  made: MadeKey;
  /** Whether the first call starts expanded. */
  open: boolean;
  /** The user tried to close the dialog without confirming that the key is stored. */
  confirming: boolean;
  onKeep: () => void;
  onStored: () => void;
};

export function KeySecret({ made, open, confirming, onKeep, onStored }: KeySecretProps) {
  const head = useRef<HTMLParagraphElement>(null);
  const [opened] = useState(open); // once the list is reloaded, this is no longer the first key
  useEffect(() => head.current?.focus(), []);
  return (
    <div className="space-y-5">
      <p ref={head} tabIndex={-1} className="rounded-lg bg-warning-soft px-3 py-2 text-sm text-warning outline-none">
        Store this key now. <strong>This is the only time it is shown.</strong>
      </p>
      <div className="flex flex-wrap items-center gap-3 rounded-xl border border-line-strong bg-sunken p-4">
        <code className="min-w-0 flex-1 basis-64 font-mono text-base leading-7 break-all select-all">
          {made.secret}
        </code>
        <CopyButton text={made.secret} label="Copy the key" look="secondary">
          Copy
        </CopyButton>
      </div>
      <Disclosure
        open={opened}
        title="Make the first call with this key"
        className="rounded-xl border"
        titleClass="min-h-11 px-4 text-sm font-medium"
      >
        <div className="border-t px-4 py-4">
          <FirstCall apiKey={made.secret} models={made.key.models} />
        </div>
      </Disclosure>
      {confirming ? (
        <Ask onKeep={onKeep} onStored={onStored} />
      ) : (
        <div className="flex justify-end">
          <Button onClick={onStored}>I have stored it</Button>
        </div>
      )}
    </div>
  );
}

function Ask({ onKeep, onStored }: { onKeep: () => void; onStored: () => void }) {
  const keep = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    keep.current?.focus();
    keep.current?.scrollIntoView({ block: "nearest" });
  }, []);
  return (
    <div role="alert" className="flex flex-wrap items-center justify-between gap-3 rounded-lg bg-danger-soft px-4 py-3">
      <p className="text-sm text-danger">Have you stored the key? It cannot be shown again.</p>
      <div className="flex flex-wrap gap-2">
        <Button ref={keep} look="secondary" onClick={onKeep}>
          Not yet
        </Button>
        <Button look="danger" onClick={onStored}>
          I have stored it
        </Button>
      </div>
    </div>
  );
}
