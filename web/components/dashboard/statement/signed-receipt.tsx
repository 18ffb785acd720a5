"use client";

import { useMutation } from "@tanstack/react-query";
import { FileCheck } from "lucide-react";
import { Button } from "@/components/ui/button";
import { NotDone } from "@/components/ui/panel";
import { answered, api } from "@/lib/api/client";
import { mayRetry } from "@/lib/api/queries";
import { download } from "@/lib/files/download";

/**
 * The receipt of an event that proves itself: the event, an inclusion proof and a signed checkpoint.
 * `id`: a request's, or the event's position. `name`: of the file.
 */
export function SignedReceipt({ id, name = id }: { id: string; name?: string }) {
  const receipt = useMutation({
    mutationFn: () =>
      answered(api.GET("/api/proofs/{proof_id}", { params: { path: { proof_id: id } }, parseAs: "text" })),
    retry: mayRetry, // what is not sealed yet is so within seconds
    onSuccess: (text) => download(`${name}.tlog-proof`, text, "text/plain"),
  });
  return (
    <div className="space-y-3">
      <p className="text-sm text-muted">
        The event, its proof and the log’s signature in one file. Anybody can check it with the log’s public key,
        without asking us.
      </p>
      <Button look="secondary" size="small" busy={receipt.isPending} onClick={() => receipt.mutate()}>
        <FileCheck aria-hidden="true" className="size-4" />
        Download signed receipt
      </Button>
      <span role="status" className="sr-only">
        {receipt.isSuccess && "The receipt is downloaded."}
      </span>
      {receipt.error && <NotDone error={receipt.error} retry={() => receipt.mutate()} busy={receipt.isPending} />}
    </div>
  );
}
