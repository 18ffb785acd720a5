"use client";

import { useState } from "react";
import { TableToggle } from "@/components/dashboard/chart/table";
import { SpendFigure, SpendSkeleton } from "@/components/dashboard/usage/spend";
import { Amount } from "@/components/ui/amount";
import { Loaded, Panel } from "@/components/ui/panel";
import { useSpend } from "@/lib/api/queries";
import { changeInWords, lastDays, type Spend, spentIn, splitAt } from "@/lib/usage/usage";

export const OVERVIEW_DAYS = 30;
const PERIOD = `${OVERVIEW_DAYS} days`;
const TITLE = `Spend, last ${PERIOD}`;

/** The last days as a chart, compared with the same number of days before; both come from one response. */
export function OverviewSpend({ now }: { now: Date }) {
  const query = useSpend({ ...lastDays(2 * OVERVIEW_DAYS, now), by: "day" }, null);
  const [asTable, setAsTable] = useState(false);
  return (
    <Panel title={TITLE} actions={query.data && <TableToggle on={asTable} onChange={setAsTable} />}>
      <div className="flex flex-col gap-4">
        <Loaded query={query} skeleton={<SpendSkeleton />}>
          {({ whole }) => {
            const [before, last] = splitAt(whole, lastDays(OVERVIEW_DAYS, now).from);
            const spend: Spend = { whole: last, parts: [], rest: null };
            return (
              <div className="space-y-5">
                <Sums now={spentIn(last.data)} before={spentIn(before.data)} />
                <SpendFigure spend={spend} nameOf={(group) => group} asTable={asTable} label={TITLE} />
              </div>
            );
          }}
        </Loaded>
      </div>
    </Panel>
  );
}

function Sums({ now, before }: { now: bigint; before: bigint }) {
  const change = changeInWords(now, before, PERIOD);
  return (
    <p className="flex min-h-9 flex-wrap items-baseline gap-x-3 gap-y-1">
      <span className="text-3xl font-semibold tracking-tight">
        <Amount nanos={now} />
      </span>
      <span className="text-sm text-muted">{change ?? `Nothing was spent in the last ${2 * OVERVIEW_DAYS} days`}</span>
    </p>
  );
}
