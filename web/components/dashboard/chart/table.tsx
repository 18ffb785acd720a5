"use client";

import { ExactAmount } from "@/components/ui/amount";
import { Button } from "@/components/ui/button";
import { type Column, Table } from "@/components/ui/table";
import { decimalsOf } from "@/lib/money";
import { formatCount } from "@/lib/time";
import { type Bar, type Series, sum } from "@/lib/usage/usage";
import type { ChartProps } from "./spend-chart";

type Row = { at: string; name: string; requests: number; values: bigint[] };

/** The figures of a chart, at most as tall as the chart. */
export function ChartTable({ label, bars, series }: ChartProps) {
  const rows = bars.map((bar, at) => rowOf(bar, series, at));
  const decimals = Math.max(2, ...rows.flatMap(({ values }) => values.map(decimalsOf)));
  const amount = (value: bigint) => <ExactAmount nanos={value} decimals={decimals} />;
  const parts: Column<Row>[] = series.map(({ id, name }, at) => ({
    id,
    head: name,
    numeric: true,
    cell: ({ values }) => amount(values[at] ?? 0n),
  }));
  const columns: Column<Row>[] = [
    { id: "at", head: "Time", cell: ({ name }) => <span className="whitespace-nowrap">{name}</span> },
    { id: "requests", head: "Requests", numeric: true, cell: ({ requests }) => formatCount(requests) },
    { id: "total", head: "Spend", numeric: true, cell: ({ values }) => amount(sum(values)) },
    ...(series.length > 1 ? parts : []),
  ];
  return (
    <div className="-mx-4 max-h-72 overflow-y-auto border-y sm:-mx-5">
      <Table caption={`${label}, as a table`} columns={columns} rows={rows} rowKey={({ at }) => at} />
    </div>
  );
}

function rowOf({ at, name, requests }: Bar, series: readonly Series[], index: number): Row {
  return { at, name, requests, values: series.map(({ values }) => values[index] ?? 0n) };
}

/** Switches between a chart and its table. */
export function TableToggle({ on, onChange }: { on: boolean; onChange: (on: boolean) => void }) {
  return (
    <Button look="secondary" size="small" onClick={() => onChange(!on)}>
      {on ? "Show as chart" : "Show as table"}
    </Button>
  );
}
