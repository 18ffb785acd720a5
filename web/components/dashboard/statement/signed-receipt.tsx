"use client";

import { useMutation } from "@tanstack/react-query";
import { FileCheck } from "lucide-react";
import { Button } from "@/components/ui/button";
import { NotDone } from "@/components/ui/panel";
import { answered, api } from "@/lib/api/client";
import { mayRetry } from "@/lib/api/queries";
import { download } from "@/lib/files/download";

/**
 * The signed receipt of an event: the event, an inclusion proof and a signed checkpoint.
 * `id`: a request's ID, or the event's position. `name`: the file's name.
 */
export function SignedReceipt({ id, name = id }: { id: string; name?: string }) {
  const receipt = useMutation({
    mutationFn: () =>
      answered(api.GET("/api/proofs/{proof_id}", { params: { path: { proof_id: id } }, parseAs: "text" })),
    retry: mayRetry, // an unsealed event is sealed within seconds
    onSuccess: (text) => download(`${name}.tlog-proof`, text, "text/plain"),
  });
  return (
    <div className="space-y-3">
      <p className="text-sm text-muted">
        The event, its inclusion proof and the log’s signature in one file. Anyone can verify it with the log’s public
        key, without contacting us.
      </p>
      <Button look="secondary" size="small" busy={receipt.isPending} onClick={() => receipt.mutate()}>
        <FileCheck aria-hidden="true" className="size-4" />
        Download signed receipt
      </Button>
      <span role="status" className="sr-only">
        {receipt.isSuccess && "The receipt has been downloaded."}
      </span>
      {receipt.error && <NotDone error={receipt.error} retry={() => receipt.mutate()} busy={receipt.isPending} />}
    </div>
  );
}
