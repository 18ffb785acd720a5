"use client";
// The statement: everything that moved the balance, newest first, page after page by cursor.

import Link from "next/link";
import { parseAsStringLiteral, useQueryStates } from "nuqs";
import { isRequest, KIND_NAMES, KINDS, kindName } from "@/lib/kinds";
import { decimalsOf, nanos } from "@/lib/money";
import { type Transaction, useTransactions } from "@/lib/queries";
import { chosen, dayAfter, parseAsDay, parseAsId } from "@/lib/url-state";
import { ExactAmount } from "../ui/amount";
import { Button, LinkButton } from "../ui/button";
import { INPUT } from "../ui/field";
import { Instant } from "../ui/instant";
import { Empty, Loaded, Panel, SkeletonRows } from "../ui/panel";
import { type Column, Table } from "../ui/table";

const STATE = {
  kind: parseAsStringLiteral(KINDS),
  from: parseAsDay,
  to: parseAsDay,
  id: parseAsId,
};

export function Statement() {
  const [asked, set] = useQueryStates(STATE);
  const query = useTransactions(
    chosen({
      kind: asked.kind && [asked.kind],
      from: asked.from,
      to: asked.to && dayAfter(asked.to),
      id: asked.id,
    }),
  );
  const filtered = Object.values(asked).some((value) => value !== null);
  const clear = () => set({ kind: null, from: null, to: null, id: null });
  const isEmpty = (data: { pages: { data: readonly Transaction[] }[] }) => data.pages[0]?.data.length === 0;
  return (
    <Panel title="Transactions" flush>
      <Filters asked={asked} set={set} filtered={filtered} clear={clear} />
      <Loaded
        query={query}
        skeleton={<SkeletonRows />}
        isEmpty={isEmpty}
        empty={filtered ? <NoMatch clear={clear} /> : <NoneYet />}
      >
        {(data) => (
          <>
            <Rows rows={data.pages.flatMap((page) => page.data)} />
            <footer className="flex min-h-14 flex-wrap items-center justify-between gap-3 border-t px-4 py-2 text-sm text-muted sm:px-5">
              <span>As of position {data.pages[0]?.as_of.position} of the ledger.</span>
              {query.hasNextPage && (
                <Button
                  look="secondary"
                  size="small"
                  busy={query.isFetchingNextPage}
                  onClick={() => query.fetchNextPage()}
                >
                  Older
                </Button>
              )}
            </footer>
          </>
        )}
      </Loaded>
    </Panel>
  );
}

type Asked = { kind: (typeof KINDS)[number] | null; from: string | null; to: string | null; id: string | null };
type FiltersProps = { asked: Asked; set: (change: Partial<Asked>) => void; filtered: boolean; clear: () => void };

function Filters({ asked, set, filtered, clear }: FiltersProps) {
  return (
    <div className="flex flex-wrap items-center gap-2 border-b bg-sunken/50 px-4 py-2.5 sm:px-5">
      <select
        aria-label="Kind"
        value={asked.kind ?? ""}
        onChange={(event) => set({ kind: KINDS.find((kind) => kind === event.target.value) ?? null })}
        className={`${INPUT} w-auto!`}
      >
        <option value="">All kinds</option>
        {KINDS.map((kind) => (
          <option key={kind} value={kind}>
            {KIND_NAMES[kind]}
          </option>
        ))}
      </select>
      <Day label="From" value={asked.from} onChange={(from) => set({ from })} />
      <Day label="To" value={asked.to} onChange={(to) => set({ to })} />
      {asked.id && <code className="max-w-full truncate rounded-md bg-accent-soft px-2 py-1 text-xs">{asked.id}</code>}
      {filtered && (
        <Button look="quiet" size="small" onClick={clear}>
          Clear filters
        </Button>
      )}
    </div>
  );
}

function Day({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string | null;
  onChange: (day: string | null) => void;
}) {
  return (
    <label className="flex items-center gap-2 text-sm text-muted">
      {label}
      <input
        type="date"
        value={value ?? ""}
        onChange={(event) => onChange(parseAsDay.parse(event.target.value))}
        className={`${INPUT} w-auto!`}
      />
    </label>
  );
}

function Rows({ rows }: { rows: readonly Transaction[] }) {
  const decimals = rows.reduce((most, row) => Math.max(most, decimalsOf(nanos(row.amount_nanos))), 2);
  const columns: Column<Transaction>[] = [
    { id: "at", head: "Time", cell: (row) => <Instant at={row.at} /> },
    { id: "what", head: "What", cell: (row) => <What row={row} /> },
    {
      id: "amount",
      head: "Amount",
      numeric: true,
      cell: (row) => <ExactAmount nanos={row.amount_nanos} decimals={decimals} />,
    },
    {
      id: "after",
      head: "Balance after",
      numeric: true,
      from: "md",
      cell: (row) =>
        row.balance_after_nanos === null ? "" : <ExactAmount nanos={row.balance_after_nanos} decimals={9} />,
    },
  ];
  return (
    <Table caption="Transactions, newest first" columns={columns} rows={rows} rowKey={(row) => String(row.position)} />
  );
}

function What({ row }: { row: Transaction }) {
  const name = kindName(row.kind);
  if (isRequest(row)) {
    return (
      <Link href={`/dashboard/requests?request=${encodeURIComponent(row.id)}`} className="text-accent underline">
        {name}
        <span className="sr-only"> {row.id}</span>
        {row.model && <span className="ml-2 text-muted no-underline max-sm:hidden">{row.model}</span>}
      </Link>
    );
  }
  const about = row.reason ?? row.reference;
  return (
    <span title={row.id}>
      {name}
      {about && <span className="ml-2 text-muted max-sm:hidden">{about}</span>}
    </span>
  );
}

function NoMatch({ clear }: { clear: () => void }) {
  return (
    <Empty
      title="No transaction matches"
      action={
        <Button look="secondary" onClick={clear}>
          Clear filters
        </Button>
      }
    >
      Nothing in this account has all that you asked for.
    </Empty>
  );
}

function NoneYet() {
  return (
    <Empty title="No transactions yet" action={<LinkButton href="/dashboard">Make the first call</LinkButton>}>
      Top-ups, grants, and each request show here as soon as they are on the ledger.
    </Empty>
  );
}
