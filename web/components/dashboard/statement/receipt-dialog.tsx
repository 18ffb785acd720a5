"use client";

import type { RefObject } from "react";
import { ExactAmount } from "@/components/ui/amount";
import { Dialog } from "@/components/ui/dialog";
import { Instant } from "@/components/ui/instant";
import { Link } from "@/components/ui/link";
import { API_BASE } from "@/lib/api/client";
import type { Transaction } from "@/lib/api/queries";
import { kindName } from "@/lib/statement/kinds";
import { SignedReceipt } from "./signed-receipt";

type ReceiptDialogProps = { row: Transaction; trigger: RefObject<HTMLElement | null>; onClose: () => void };
const LINK = "font-medium text-accent hover:underline";

/** The signed receipt of a transaction other than a request. The dialog is open while it is mounted. */
export function ReceiptDialog({ row, trigger, onClose }: ReceiptDialogProps) {
  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      finalFocus={trigger}
      title="Signed receipt"
      description={
        <>
          {kindName(row.kind)} of <ExactAmount nanos={row.amount_nanos} plus />, <Instant at={row.at} />
          <code className="mt-1 block font-mono text-xs break-all">{row.id}</code>
        </>
      }
    >
      <div className="space-y-4">
        <SignedReceipt id={String(row.position)} name={`${row.kind}-${row.id}`} />
        <p className="text-sm text-muted">
          <Link href="/docs/receipts#signed" className={LINK}>
            How to verify it
          </Link>{" "}
          with{" "}
          <a href={`${API_BASE}/log/key`} target="_blank" rel="noopener" className={LINK}>
            the log’s public key<span className="sr-only"> (in a new tab)</span>
          </a>
          .
        </p>
      </div>
    </Dialog>
  );
}
