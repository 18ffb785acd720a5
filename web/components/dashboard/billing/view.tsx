"use client";

import { parseAsStringLiteral, useQueryStates } from "nuqs";
import { Documents } from "@/components/dashboard/statement/documents";
import { Statement } from "@/components/dashboard/statement/statement";
import { PageHeader } from "@/components/page-header";
import { buttonClass } from "@/components/ui/button";
import { parseAsId } from "@/lib/navigation/url-state";
import { AutomaticTopUp } from "./automatic-top-up";
import { BalancePanel } from "./balance-panel";
import { CheckoutReturn } from "./checkout-return";
import { BillingOutlook } from "./outlook";
import { Packs } from "./packs";

/** Adding credit, every transaction, and statements and exports to keep. */
export function BillingView() {
  const [{ checkout, left }, set] = useQueryStates({ checkout: parseAsId, left: parseAsStringLiteral(["1"]) });
  return (
    <>
      <PageHeader
        title="Billing"
        actions={
          <a href="#documents" className={buttonClass("secondary")}>
            Statements and exports
          </a>
        }
      >
        Your prepaid credit: what you added, what you spent, and every transaction in between.
      </PageHeader>
      {checkout && (
        <CheckoutReturn
          key={checkout}
          checkoutId={checkout}
          left={left === "1"}
          onClose={() => set({ checkout: null, left: null })}
        />
      )}
      <div className="grid gap-6 lg:grid-cols-[2fr_3fr]">
        <BalancePanel>
          <BillingOutlook />
        </BalancePanel>
        <Packs />
      </div>
      <AutomaticTopUp />
      <Statement />
      <Documents />
    </>
  );
}
