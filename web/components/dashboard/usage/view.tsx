"use client";
// Usage: spend over time, and a table of it in groups. The range, the groups and the filters are the URL's.

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
import { asked, isFiltered, NO_FILTERS, PARSERS } from "./state";
import { UsageTable } from "./table";

const COUNTED = "A request counts when it is settled: charged, or released without a charge.";

export function UsageView() {
  const now = useHour();
  const [state, set] = useQueryStates(PARSERS);
  const wanted = asked(state, now);
  const groups = useUsage({ ...wanted.filter, by: wanted.by });
  const spend = useSpend({ ...wanted.filter, by: wanted.unit }, wanted.stack);
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
          <UsageFilters state={state} asked={wanted} onChange={(change) => void set(change)} onClear={clear} />
          <UsageSpend
            query={spend}
            nameOf={keyName}
            asTable={asTable}
            onTable={setAsTable}
            empty={
              isFiltered(state) ? (
                <NoMatch title="No requests match" clear={clear}>
                  {COUNTED}
                </NoMatch>
              ) : (
                <NoneLately widen={widen} />
              )
            }
          />
          <UsageTable
            query={groups}
            asked={wanted}
            state={state}
            days={daysOf(wanted.span)}
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
      title="No requests in these days"
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
