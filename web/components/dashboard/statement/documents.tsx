"use client";

import { useTransactionPage } from "@/lib/api/queries";
import { Exports } from "./exports";
import { MonthlyStatements } from "./monthly-statements";

/** Monthly statements, and exports for other programs. */
export function Documents() {
  const moves = useTransactionPage({}, null); // the query that the unfiltered statement uses
  const nothing = moves.isPending ? null : moves.data?.data.length === 0;
  return (
    <div id="documents" className="grid scroll-mt-20 items-start gap-6 lg:grid-cols-[2fr_3fr]">
      <MonthlyStatements nothing={nothing} />
      <Exports nothing={nothing} />
    </div>
  );
}
