"use client";

import type { UseQueryResult } from "@tanstack/react-query";
import { clsx } from "clsx";
import type { ReactNode } from "react";
import { SpendChart } from "@/components/dashboard/chart/spend-chart";
import { ChartTable, TableToggle } from "@/components/dashboard/chart/table";
import { Amount } from "@/components/ui/amount";
import { Loaded, Panel, Skeleton } from "@/components/ui/panel";
import { formatCount } from "@/lib/time";
import { barsOf, OTHER, type Spend, seriesOf, spentIn, totalOf } from "@/lib/usage/usage";

type UsageSpendProps = {
  query: UseQueryResult<Spend>;
  /** The display name of a series' group. */
  nameOf: (group: string) => string;
  asTable: boolean;
  onTable: (on: boolean) => void;
  empty: ReactNode;
};

export function UsageSpend({ query, nameOf, asTable, onTable, empty }: UsageSpendProps) {
  const unit = query.data?.whole.by === "hour" ? "hour" : "day";
  const there = query.data !== undefined && query.data.whole.data.length > 0;
  return (
    <Panel title={`Spend by ${unit}`} actions={there && <TableToggle on={asTable} onChange={onTable} />}>
      <div className="flex flex-col gap-4">
        <Loaded
          query={query}
          skeleton={<SpendSkeleton />}
          isEmpty={({ whole }) => whole.data.length === 0}
          empty={empty}
        >
          {(spend) => (
            <div
              aria-busy={query.isPlaceholderData}
              className={clsx("space-y-5", query.isPlaceholderData && "opacity-60")}
            >
              <Sums spend={spend} />
              <SpendFigure spend={spend} nameOf={nameOf} asTable={asTable} label={`Spend by ${unit}`} />
            </div>
          )}
        </Loaded>
      </div>
    </Panel>
  );
}

function Sums({ spend }: { spend: Spend }) {
  const total = totalOf(spend.whole.data);
  return (
    <dl className="flex flex-wrap gap-x-10 gap-y-3">
      <Sum name="Spend">
        <Amount nanos={spentIn(spend.whole.data)} />
      </Sum>
      <Sum name="Requests">{formatCount(total.requests)}</Sum>
      <Sum name="Input tokens">{formatCount(total.input_tokens)}</Sum>
      <Sum name="Output tokens">{formatCount(total.output_tokens)}</Sum>
    </dl>
  );
}

function Sum({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="text-sm text-muted">{name}</dt>
      <dd className="tabular text-xl font-semibold tracking-tight">{children}</dd>
    </div>
  );
}

type SpendFigureProps = { spend: Spend; nameOf: (group: string) => string; asTable: boolean; label: string };

/** The spend as a chart, or as a table. */
export function SpendFigure({ spend, nameOf, asTable, label }: SpendFigureProps) {
  const series = seriesOf(spend).map((one) => (isOwnGroup(spend, one.id) ? { ...one, name: nameOf(one.id) } : one));
  const shown = { label, bars: barsOf(spend.whole), series };
  return asTable ? <ChartTable {...shown} /> : <SpendChart {...shown} />;
}

function isOwnGroup({ parts, rest }: Spend, id: string): boolean {
  return id !== OTHER && (id === rest || parts.some(({ group }) => group === id));
}

export function SpendSkeleton() {
  return (
    <div className="space-y-5">
      <Skeleton className="h-13 w-72 max-w-full" />
      <Skeleton className="h-58 w-full" />
    </div>
  );
}
