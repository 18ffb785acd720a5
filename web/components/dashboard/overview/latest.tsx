"use client";

import type { UseQueryResult } from "@tanstack/react-query";
import { LATEST_ROWS } from "@/components/dashboard/first-call/welcome";
import { StateBadge } from "@/components/dashboard/requests/table";
import { ExactAmount } from "@/components/ui/amount";
import { Instant } from "@/components/ui/instant";
import { Link } from "@/components/ui/link";
import { Loaded, Panel, SkeletonRows } from "@/components/ui/panel";
import { type Column, Table } from "@/components/ui/table";
import type { TransactionPage } from "@/lib/api/queries";
import { decimalsOf, nanos } from "@/lib/money";
import { requestHref } from "@/lib/navigation/ids";
import { type RequestRow, rowOfTransaction } from "@/lib/requests/rows";

export function LatestRequests({ query }: { query: UseQueryResult<TransactionPage> }) {
  const all = (
    <Link href="/dashboard/requests" className="text-sm font-medium text-accent hover:underline">
      All requests
    </Link>
  );
  return (
    <Panel title="Latest requests" actions={all} flush>
      <Loaded query={query} skeleton={<SkeletonRows rows={LATEST_ROWS} />}>
        {(page) => <Rows rows={page.data.map(rowOfTransaction)} />}
      </Loaded>
    </Panel>
  );
}

function Rows({ rows }: { rows: readonly RequestRow[] }) {
  const decimals = Math.max(2, ...rows.map((row) => decimalsOf(nanos(row.costNanos ?? "0"))));
  const columns: Column<RequestRow>[] = [
    {
      id: "at",
      head: "Time",
      cell: (row) => (
        <div className="py-1.5">
          <Link
            href={requestHref(row.id)}
            className="rounded-sm underline decoration-line-strong underline-offset-4 hover:decoration-current"
          >
            <Instant at={row.at} withSeconds />
            <span className="sr-only">, request {row.id}</span>
          </Link>
          <span className="mt-0.5 block text-xs text-muted sm:hidden">{row.model}</span>
        </div>
      ),
    },
    { id: "model", head: "Model", from: "sm", cell: (row) => <span className="whitespace-nowrap">{row.model}</span> },
    { id: "state", head: "State", from: "sm", cell: (row) => <StateBadge state={row.state} label={row.label} /> },
    {
      id: "cost",
      head: "Cost",
      numeric: true,
      cell: (row) => <ExactAmount nanos={row.costNanos ?? "0"} decimals={decimals} />,
    },
  ];
  return <Table caption="The latest requests, newest first" columns={columns} rows={rows} rowKey={(row) => row.id} />;
}
