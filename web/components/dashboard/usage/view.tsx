"use client";
// Usage: spend over time, and a table by group. The URL stores the range, the grouping and the filters.

import { useQueryStates } from "nuqs";
import { useState } from "react";
import { useWelcome, Welcome } from "@/components/dashboard/first-call/welcome";
import { Button } from "@/components/ui/button";
import { NoMatch } from "@/components/ui/filters";
import { Empty } from "@/components/ui/panel";
import { useKeyNames, useSpend, useUsage } from "@/lib/api/queries";
import { useHour } from "@/lib/clock";
import { daysOf } from "@/lib/usage/usage";
import { UsageFilters } from "./filters";
import { UsageSpend } from "./spend";
import { isFiltered, NO_FILTERS, PARSERS, viewOf } from "./state";
import { UsageTable } from "./table";

const COUNTED = "Requests are counted once they are settled: charged, or released without a charge.";

export function UsageView() {
  const now = useHour();
  const [state, set] = useQueryStates(PARSERS);
  const view = viewOf(state, now);
  const groups = useUsage({ ...view.filter, by: view.by });
  const spend = useSpend({ ...view.filter, by: view.unit }, view.stack);
  const keyName = useKeyNames();
  const [asTable, setAsTable] = useState(false);
  const welcome = useWelcome();
  const clear = () => void set(NO_FILTERS);
  const widen = () => void set({ range: "90d" });
  return (
    <>
      {welcome.isNew && <Welcome />}
      {!welcome.isEmpty && (
        <>
          <UsageFilters state={state} view={view} onChange={(change) => void set(change)} onClear={clear} />
          <UsageSpend
            query={spend}
            nameOf={keyName}
            asTable={asTable}
            onTable={setAsTable}
            empty={
              isFiltered(state) ? (
                <NoMatch title="No matching requests" clear={clear}>
                  {COUNTED}
                </NoMatch>
              ) : (
                <NoneLately widen={widen} />
              )
            }
          />
          <UsageTable
            query={groups}
            view={view}
            state={state}
            days={daysOf(view.span)}
            keyName={keyName}
            onChange={(change) => void set(change)}
          />
        </>
      )}
    </>
  );
}

function NoneLately({ widen }: { widen: () => void }) {
  return (
    <Empty
      title="No requests in this period"
      action={
        <Button look="secondary" onClick={widen}>
          Show 90 days
        </Button>
      }
    >
      {COUNTED}
    </Empty>
  );
}
