"use client";

import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { DayInput, FilterBar, SelectFilter } from "@/components/ui/filters";
import { FormError } from "@/components/ui/form-error";
import { Empty, NotDone, Panel, Skeleton, Waiting } from "@/components/ui/panel";
import { checkFile } from "@/lib/api/client";
import { useAccount } from "@/lib/api/queries";
import { useHour } from "@/lib/clock";
import { downloadFrom } from "@/lib/files/download";
import {
  ALL_TIME,
  EXPORTS,
  type Export,
  exportHref,
  type Format,
  monthsSince,
  type Period,
  periodProblem,
} from "@/lib/statement/documents";
import { formatMonth } from "@/lib/time";

const DAYS = "days";

/** The account's books as downloads. `nothing`: the account has no transactions yet; null while that is unknown. */
export function Exports({ nothing }: { nothing: boolean | null }) {
  return (
    <Panel title="Exports" flush>
      {nothing === null && (
        <Waiting>
          <SkeletonExports />
        </Waiting>
      )}
      {nothing === true && <NoneYet />}
      {nothing === false && <Choices />}
    </Panel>
  );
}

function Choices() {
  const [period, setPeriod] = useState(ALL_TIME);
  const problem = periodProblem(period);
  return (
    <>
      <PeriodBar period={period} onChange={setPeriod} />
      {problem && (
        <div className="px-4 pt-3 sm:px-5">
          <FormError message={problem} />
        </div>
      )}
      <ul className="divide-y">
        {EXPORTS.map((each) => (
          <Row key={each.name} made={each} period={period} disabled={problem !== null} />
        ))}
      </ul>
      <p className="border-t px-4 py-3 text-sm text-muted sm:px-5">
        Exact amounts in USD, times in UTC. Files are generated as they download, so their size is not known in advance;
        an interrupted download fails.
      </p>
    </>
  );
}

function PeriodBar({ period, onChange }: { period: Period; onChange: (period: Period) => void }) {
  const [days, setDays] = useState(false);
  const account = useAccount().data;
  const now = useHour();
  const months = account ? monthsSince(account.created_at, now) : [];
  const choose = (value: string | null) => {
    setDays(value === DAYS);
    onChange(value === null || value === DAYS ? ALL_TIME : { month: value });
  };
  return (
    <FilterBar>
      <SelectFilter
        label="Period"
        all="All time"
        value={"month" in period ? period.month : days ? DAYS : null}
        options={[[DAYS, "Custom…"], ...months.map((month) => [month, formatMonth(month)] as const)]}
        onChange={choose}
      />
      {days && "from" in period && (
        <>
          <DayInput label="From" value={period.from} onChange={(from) => onChange({ ...period, from })} />
          <DayInput label="To" value={period.to} onChange={(to) => onChange({ ...period, to })} />
        </>
      )}
    </FilterBar>
  );
}

function Row({ made, period, disabled }: { made: Export; period: Period; disabled: boolean }) {
  const saving = useMutation({
    mutationFn: (format: Format) => checkFile(exportHref(format, period)),
    onSuccess: (_, format) => downloadFrom(exportHref(format, period)),
  });
  return (
    <li className="px-4 py-2.5 sm:px-5">
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 sm:flex-nowrap">
        <div className="min-w-0 text-sm">
          <h3 className="font-medium">{made.name}</h3>
          <p className="text-muted">{made.purpose}</p>
        </div>
        <div className="flex shrink-0 gap-2">
          {made.formats.map((format) => (
            <Button
              key={format.name}
              look="secondary"
              size="small"
              disabled={disabled}
              busy={saving.isPending && saving.variables === format}
              aria-label={`Download ${made.name} as ${format.name}`}
              onClick={() => saving.mutate(format)}
            >
              {format.name}
            </Button>
          ))}
        </div>
      </div>
      <span role="status" className="sr-only">
        {saving.isSuccess && `Download of ${made.name} as ${saving.variables.name} started.`}
      </span>
      {saving.error && (
        <NotDone error={saving.error} retry={() => saving.mutate(saving.variables)} busy={saving.isPending} />
      )}
    </li>
  );
}

function NoneYet() {
  return (
    <Empty title="Nothing to export yet">
      Once you have credit, you can download transactions, usage and postings here: for spreadsheets, cloud billing
      tools and double-entry books.
    </Empty>
  );
}

/** As tall as the list it stands in for. */
function SkeletonExports() {
  return (
    <div className="divide-y">
      {EXPORTS.map(({ name }) => (
        <div key={name} className="flex h-16 items-center gap-6 px-4 sm:px-5">
          <Skeleton className="h-4 flex-1" />
          <Skeleton className="h-8 w-32" />
        </div>
      ))}
    </div>
  );
}
