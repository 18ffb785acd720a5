"use client";

// The account at a glance: what there is, what was spent of it and by what, and the newest requests.

import { useHour } from "@/lib/clock";
import { lastDays } from "@/lib/usage";
import { PageHeader } from "../page-header";
import { LinkButton } from "../ui/button";
import { Link } from "../ui/link";
import { BalancePanel } from "./balance-panel";
import { BillingOutlook } from "./billing-outlook";
import { LatestRequests } from "./overview-latest";
import { OVERVIEW_DAYS, OverviewSpend } from "./overview-spend";
import { OverviewTop } from "./overview-top";
import { useWelcome, Welcome } from "./welcome";

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
