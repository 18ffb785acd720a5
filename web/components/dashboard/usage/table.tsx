"use client";

import type { UseQueryResult } from "@tanstack/react-query";
import { clsx } from "clsx";
import { Download } from "lucide-react";
import { ExactAmount } from "@/components/ui/amount";
import { Button } from "@/components/ui/button";
import { Link } from "@/components/ui/link";
import { Empty, Loaded, Panel, SkeletonRows } from "@/components/ui/panel";
import { Segments } from "@/components/ui/segments";
import { type Column, Table } from "@/components/ui/table";
import { download } from "@/lib/files/download";
import { decimalsOf, nanos } from "@/lib/money";
import { formatCount } from "@/lib/time";
import { usageCsv, usageFileName } from "@/lib/usage/csv";
import {
  type Counted,
  mayBeHourly,
  nameOf,
  type Sort,
  sorted,
  totalOf,
  type UsageGroup,
  type UsageShown,
} from "@/lib/usage/usage";
import { GROUPS, type Group, isTime, ordered, requestsHref, type State, type View } from "./state";

const NAMES: Record<Group, string> = { model: "Model", key: "Key", day: "Day", hour: "Hour" };
const COUNTS: readonly (readonly [field: Counted, head: string])[] = [
  ["completed", "Completed"],
  ["released", "Released"],
  ["input_tokens", "Input"],
  ["cached_tokens", "Cached"],
  ["output_tokens", "Output"],
  ["reasoning_tokens", "Reasoning"],
  ["web_search_calls", "Searches"],
  ["images", "Images"],
];

type UsageTableProps = {
  query: UseQueryResult<UsageShown>;
  view: View;
  state: State;
  days: { from: string; to: string };
  keyName: (id: string) => string;
  onChange: (change: Partial<State>) => void;
};

export function UsageTable({ query, view, state, days, keyName, onChange }: UsageTableProps) {
  const groups = GROUPS.filter((group) => group !== "hour" || mayBeHourly(view.span));
  const by = GROUPS.find((group) => group === query.data?.by) ?? view.by;
  const rows = sorted(query.data?.data ?? [], view.sort, view.order, by === "key" ? keyName : undefined);
  const save = () => download(usageFileName(by, days), usageCsv(by, rows, keyName));
  const actions = (
    <>
      <Segments
        label="Group by"
        options={groups.map((group) => [group, NAMES[group]] as const)}
        value={view.by}
        onChange={(by) => onChange({ by, sort: null, order: null })}
      />
      <Button look="secondary" onClick={save} disabled={rows.length === 0 || query.isPlaceholderData}>
        <Download aria-hidden="true" className="size-4" />
        Download CSV
      </Button>
    </>
  );
  return (
    <Panel title={`By ${by}`} flush actions={actions}>
      <Loaded
        query={query}
        skeleton={<SkeletonRows />}
        isEmpty={({ data }) => data.length === 0}
        empty={<Empty title="No rows" />}
      >
        {(answer) => (
          <div aria-busy={query.isPlaceholderData} className={clsx(query.isPlaceholderData && "opacity-60")}>
            <Groups by={by} rows={rows} view={view} state={state} days={days} keyName={keyName} onChange={onChange} />
            <footer className="border-t px-4 py-3 text-sm text-muted sm:px-5">
              As of ledger position <span className="tabular">{answer.as_of.position}</span>.
            </footer>
          </div>
        )}
      </Loaded>
    </Panel>
  );
}

type GroupsProps = Omit<UsageTableProps, "query"> & { by: Group; rows: readonly UsageGroup[] };

function Groups({ by, rows, view, state, days, keyName, onChange }: GroupsProps) {
  const total = totalOf(rows);
  const decimals = Math.max(2, ...[...rows, total].map((row) => decimalsOf(nanos(row.cost_nanos))));
  const sort = (column: Sort) => ({
    order: column !== view.sort ? null : view.order === "asc" ? ("ascending" as const) : ("descending" as const),
    onSort: () => onChange(ordered(column, view)),
  });
  const columns: Column<UsageGroup>[] = [
    {
      id: "name",
      head: NAMES[by],
      sort: sort("name"),
      cell: (row) =>
        row === total ? (
          "Total"
        ) : (
          <Link
            href={requestsHref(by, row.group, days, state)}
            title={row.group}
            className="rounded-sm whitespace-nowrap underline decoration-line-strong underline-offset-4 hover:decoration-current"
          >
            {groupName(by, row.group, keyName)}
          </Link>
        ),
    },
    {
      id: "cost",
      head: "Cost",
      numeric: true,
      sort: sort("cost"),
      cell: (row) => <ExactAmount nanos={row.cost_nanos} decimals={decimals} />,
    },
    {
      id: "requests",
      head: "Requests",
      numeric: true,
      sort: sort("requests"),
      cell: (row) => formatCount(row.requests),
    },
    ...COUNTS.map(([field, head]) => ({
      id: field,
      head,
      numeric: true,
      cell: (row: UsageGroup) => <Count of={row[field]} />,
    })),
  ];
  return <Table caption={`Usage by ${by}`} columns={columns} rows={rows} rowKey={(row) => row.group} total={total} />;
}

function Count({ of }: { of: number }) {
  return <span className={of === 0 ? "text-muted" : ""}>{formatCount(of)}</span>;
}

function groupName(by: Group, group: string, keyName: (id: string) => string): string {
  if (isTime(by)) return nameOf(group, by).name;
  return by === "key" ? keyName(group) : group;
}
