"use client";

// The account at a glance: the balance, recent spend by model and key, and the latest requests.

import { BalancePanel } from "@/components/dashboard/billing/balance-panel";
import { BillingOutlook } from "@/components/dashboard/billing/outlook";
import { useWelcome, Welcome } from "@/components/dashboard/first-call/welcome";
import { PageHeader } from "@/components/page-header";
import { LinkButton } from "@/components/ui/button";
import { Link } from "@/components/ui/link";
import { useHour } from "@/lib/clock";
import { lastDays } from "@/lib/usage/usage";
import { LatestRequests } from "./latest";
import { OVERVIEW_DAYS, OverviewSpend } from "./spend";
import { OverviewTop } from "./top";

export function OverviewView() {
  const now = useHour();
  const span = lastDays(OVERVIEW_DAYS, now);
  const { latest, isEmpty, isNew } = useWelcome();
  return (
    <>
      <PageHeader
        title="Overview"
        actions={
          <>
            <LinkButton href="/dashboard/keys?new=true" look="secondary">
              Create a key
            </LinkButton>
            <LinkButton href="/dashboard/billing">Add credit</LinkButton>
          </>
        }
      />
      <BalancePanel>
        <BillingOutlook
          action={
            <Link href="/dashboard/billing" className="font-medium underline underline-offset-4">
              Add credit
            </Link>
          }
        />
      </BalancePanel>
      {isNew && <Welcome />}
      {!isEmpty && (
        <>
          <OverviewSpend now={now} />
          <div className="grid gap-6 lg:grid-cols-2">
            <OverviewTop by="model" span={span} />
            <OverviewTop by="key" span={span} />
          </div>
          <LatestRequests query={latest} />
        </>
      )}
    </>
  );
}
