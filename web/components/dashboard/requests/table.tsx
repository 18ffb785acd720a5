"use client";

import { ExactAmount } from "@/components/ui/amount";
import { Badge, type Tone } from "@/components/ui/badge";
import { Instant } from "@/components/ui/instant";
import { Link } from "@/components/ui/link";
import { type Column, Table } from "@/components/ui/table";
import { decimalsOf, nanos } from "@/lib/money";
import type { RequestRow } from "@/lib/requests/rows";
import { formatCount } from "@/lib/time";

type RequestsTableProps = {
  rows: readonly RequestRow[];
  keyNames: ReadonlyMap<string, string>;
  chosen: string | null;
  /** The URL of the list with this request's sheet open. */
  hrefOf: (id: string) => string;
  onOpen: (id: string) => void;
};

export function RequestsTable({ rows, keyNames, chosen, hrefOf, onOpen }: RequestsTableProps) {
  const decimals = rows.reduce((most, row) => Math.max(most, decimalsOf(nanos(row.costNanos ?? "0"))), 2);
  const columns: Column<RequestRow>[] = [
    {
      id: "at",
      head: "Time",
      cell: (row) => (
        <>
          <Link
            href={hrefOf(row.id)}
            scroll={false}
            onNavigate={(event) => {
              event.preventDefault();
              onOpen(row.id);
            }}
            className="rounded-sm max-sm:inline-block max-sm:pt-2 underline decoration-line-strong underline-offset-4 hover:decoration-current"
          >
            <Instant at={row.at} withSeconds />
            <span className="sr-only">, request {row.id}</span>
          </Link>
          <span className="block pt-0.5 pb-2 text-xs text-muted sm:hidden">
            {row.model} · {row.label}
          </span>
        </>
      ),
    },
    { id: "model", head: "Model", from: "sm", cell: (row) => <span className="whitespace-nowrap">{row.model}</span> },
    {
      id: "key",
      head: "Key",
      from: "md",
      cell: (row) => (
        <span className="block max-w-36 truncate" title={row.keyId}>
          {keyNames.get(row.keyId) ?? row.keyId}
        </span>
      ),
    },
    { id: "in", head: "In", numeric: true, from: "md", cell: (row) => <Tokens count={row.tokens?.input} /> },
    { id: "out", head: "Out", numeric: true, from: "md", cell: (row) => <Tokens count={row.tokens?.output} /> },
    { id: "state", head: "State", from: "sm", cell: (row) => <StateBadge state={row.state} label={row.label} /> },
    {
      id: "hold",
      head: "Hold",
      numeric: true,
      from: "lg",
      cell: (row) => (
        <span className="text-muted">
          <ExactAmount nanos={row.holdNanos} />
        </span>
      ),
    },
    {
      id: "cost",
      head: "Cost",
      numeric: true,
      cell: (row) => (row.costNanos === null ? "…" : <ExactAmount nanos={row.costNanos} decimals={decimals} />),
    },
  ];
  return (
    <Table
      caption="Requests, newest first"
      columns={columns}
      rows={rows}
      rowKey={(row) => row.id}
      rowClass={(row) => (row.id === chosen ? "bg-accent-soft" : undefined)}
      onRowClick={(row) => onOpen(row.id)}
    />
  );
}

function Tokens({ count }: { count: number | undefined }) {
  return count === undefined ? <span className="text-muted">–</span> : formatCount(count);
}

export function StateBadge({ state, label }: { state: RequestRow["state"]; label: string }) {
  const tones: Record<RequestRow["state"], Tone> = { open: "warning", debited: "good", released: "neutral" };
  return <Badge tone={tones[state]}>{label}</Badge>;
}
