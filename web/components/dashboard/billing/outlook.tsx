"use client";

import { clsx } from "clsx";
import type { ReactNode } from "react";
import { Skeleton } from "@/components/ui/panel";
import { useAutomaticTopUp, useBalance, usePacks, useUsage } from "@/lib/api/queries";
import { type Outlook, outlook, PACE_DAYS } from "@/lib/billing/runway";
import { useHour } from "@/lib/clock";
import { nanos } from "@/lib/money";
import { isoDay, MS_PER_DAY } from "@/lib/time";

const TONES: Record<Outlook["tone"], string> = {
  neutral: "bg-sunken text-muted",
  warning: "bg-warning-soft text-warning",
  danger: "bg-danger-soft text-danger",
};

const BUYS: readonly string[] = ["armed", "charging"];

/** How long the balance will last, as a warning if that is not long; `action` is offered with a warning. */
export function BillingOutlook({ action }: { action?: ReactNode }) {
  const from = isoDay(new Date(useHour().getTime() - (PACE_DAYS - 1) * MS_PER_DAY));
  const balance = useBalance();
  const usage = useUsage({ by: "day", from });
  const packs = usePacks();
  const sold = (packs.data?.length ?? 0) > 0;
  const topUp = useAutomaticTopUp(sold);
  if (!balance.data || usage.isPending || packs.isPending || (sold && topUp.isPending)) {
    return <Skeleton className="mt-4 h-10" />;
  }
  const message = outlook({
    available: nanos(balance.data.available_nanos),
    spent: usage.data?.data.reduce((sum, day) => sum + nanos(day.cost_nanos), 0n) ?? null,
    threshold: topUp.data && BUYS.includes(topUp.data.state) ? nanos(topUp.data.threshold_nanos) : null,
  });
  return (
    <p
      role="status"
      className={clsx("mt-4 min-h-10 rounded-lg px-4 py-2.5 text-sm", message ? TONES[message.tone] : "invisible")}
    >
      {message && (
        <>
          <span className="font-medium">{message.title}.</span> {message.text} {message.tone !== "neutral" && action}
        </>
      )}
    </p>
  );
}
