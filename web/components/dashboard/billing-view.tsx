"use client";

import { parseAsStringLiteral, useQueryStates } from "nuqs";
import { parseAsId } from "@/lib/url-state";
import { PageHeader } from "../page-header";
import { buttonClass } from "../ui/button";
import { AutomaticTopUp } from "./automatic-top-up";
import { BalancePanel } from "./balance-panel";
import { BillingOutlook } from "./billing-outlook";
import { CheckoutReturn } from "./checkout-return";
import { Documents } from "./documents";
import { Packs } from "./packs";
import { Statement } from "./statement";

/** Money in, everything that moved the balance, and what is kept of it. */
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
        Prepaid credit: what you add, what was spent, and every movement in between.
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
