"use client";
// The statement: every transaction on the balance, newest first, paged by cursor.

import { clsx } from "clsx";
import { Download, FileCheck } from "lucide-react";
import dynamic from "next/dynamic";
import { parseAsStringLiteral, useQueryStates } from "nuqs";
import { useRef, useState } from "react";
import { ExactAmount } from "@/components/ui/amount";
import { Button, buttonClass, LinkButton } from "@/components/ui/button";
import { DayInput, FilterBar, NoMatch, SelectFilter } from "@/components/ui/filters";
import { Guard } from "@/components/ui/guard";
import { Instant } from "@/components/ui/instant";
import { Link } from "@/components/ui/link";
import { Pager } from "@/components/ui/pager";
import { Empty, Loaded, Panel, SkeletonRows } from "@/components/ui/panel";
import { type Column, Table } from "@/components/ui/table";
import { type Transaction, useTransactionPage } from "@/lib/api/queries";
import { download } from "@/lib/files/download";
import { decimalsOf, nanos } from "@/lib/money";
import { chosen, dayAfter, parseAsDay, parseAsId } from "@/lib/navigation/url-state";
import { statementCsv, statementFileName } from "@/lib/statement/csv";
import {
  aboutOf,
  CREDITS,
  CREDITS_NAME,
  isRequest,
  KIND_FILTERS,
  KIND_NAMES,
  type KindFilter,
  kindName,
  kindsOf,
  storyOf,
} from "@/lib/statement/kinds";

const ReceiptDialog = dynamic(() => import("./receipt-dialog").then((module) => module.ReceiptDialog), { ssr: false });

const STATE = {
  kind: parseAsStringLiteral(KIND_FILTERS),
  from: parseAsDay,
  to: parseAsDay,
  id: parseAsId,
  before: parseAsId,
};
const NO_FILTER = { kind: null, from: null, to: null, id: null, before: null };
const KIND_OPTIONS = KIND_FILTERS.map((kind) => [kind, kind === CREDITS ? CREDITS_NAME : KIND_NAMES[kind]] as const);

export function Statement() {
  const [{ before, ...filters }, set] = useQueryStates(STATE);
  const query = useTransactionPage(
    chosen({
      kind: filters.kind && kindsOf(filters.kind),
      from: filters.from,
      to: filters.to && dayAfter(filters.to),
      id: filters.id,
    }),
    before,
  );
  const top = useRef<HTMLDivElement>(null);
  const filtered = Object.values(filters).some((value) => value !== null);
  const clear = () => set(NO_FILTER);
  const turn = (cursor: string | null) => {
    void set({ before: cursor }, { history: "push" });
    top.current?.focus();
  };
  return (
    <Panel title="Transactions" actions={<Save rows={query.isPlaceholderData ? [] : (query.data?.data ?? [])} />} flush>
      <Filters filters={filters} set={(change) => set({ ...change, before: null })} {...(filtered ? { clear } : {})} />
      <div
        ref={top}
        tabIndex={-1}
        className={clsx("scroll-mt-20 outline-none", query.isPlaceholderData && "opacity-60")}
      >
        <Loaded
          query={query}
          skeleton={<SkeletonRows />}
          isEmpty={(page) => page.data.length === 0}
          empty={filtered || before ? <NoMatch title="No matching transactions" clear={clear} /> : <NoneYet />}
        >
          {(page) => <WithReceipts rows={page.data} markedId={filters.id} />}
        </Loaded>
      </div>
      <Pager
        what="transactions"
        older={query.data?.next_cursor ?? null}
        position={query.data?.as_of.position}
        first={before === null}
        busy={query.isPlaceholderData}
        onTurn={turn}
      />
    </Panel>
  );
}

/** Downloads the rows on the page as CSV. */
function Save({ rows }: { rows: readonly Transaction[] }) {
  return (
    <Button
      look="secondary"
      size="small"
      disabled={rows.length === 0}
      onClick={() => download(statementFileName(rows), statementCsv(rows))}
    >
      <Download aria-hidden="true" className="size-4" />
      Download CSV
    </Button>
  );
}

type StatementFilters = { kind: KindFilter | null; from: string | null; to: string | null; id: string | null };
type FiltersProps = { filters: StatementFilters; set: (change: Partial<StatementFilters>) => void; clear?: () => void };

function Filters({ filters, set, clear }: FiltersProps) {
  return (
    <FilterBar {...(clear ? { clear } : {})}>
      <SelectFilter
        label="Kind"
        all="All kinds"
        value={filters.kind}
        options={KIND_OPTIONS}
        onChange={(value) => set({ kind: KIND_FILTERS.find((kind) => kind === value) ?? null })}
      />
      <DayInput label="From" value={filters.from} onChange={(from) => set({ from })} />
      <DayInput label="To" value={filters.to} onChange={(to) => set({ to })} />
      {filters.id && (
        <span className="flex max-w-full min-w-0 items-center gap-1.5 text-sm text-muted">
          Only <code className="truncate rounded-md bg-accent-soft px-2 py-1 text-xs text-text">{filters.id}</code>
        </span>
      )}
    </FilterBar>
  );
}

type RowsProps = { rows: readonly Transaction[]; markedId: string | null };

/** The rows, and the receipt dialog of one of them. The dialog is loaded when first opened. */
function WithReceipts(props: RowsProps) {
  const [chosenRow, setChosenRow] = useState<Transaction | null>(null);
  const trigger = useRef<HTMLElement | null>(null);
  const open: OpenReceipt = (row, from) => {
    trigger.current = from;
    setChosenRow(row);
  };
  return (
    <>
      <Rows {...props} openReceipt={open} />
      {chosenRow && (
        <Guard fallback={<p role="alert">The receipt did not load. Reload the page.</p>}>
          <ReceiptDialog row={chosenRow} trigger={trigger} onClose={() => setChosenRow(null)} />
        </Guard>
      )}
    </>
  );
}

type OpenReceipt = (row: Transaction, from: HTMLElement) => void;

function Rows({ rows, markedId, openReceipt }: RowsProps & { openReceipt: OpenReceipt }) {
  const amounts = widest(rows.map((row) => row.amount_nanos));
  const balances = widest(rows.map((row) => row.balance_after_nanos ?? "0"));
  const columns: Column<Transaction>[] = [
    { id: "at", head: "Time", from: "sm", cell: (row) => <Instant at={row.at} /> },
    { id: "what", head: "Description", cell: (row) => <What row={row} openReceipt={openReceipt} /> },
    {
      id: "amount",
      head: "Amount",
      numeric: true,
      cell: (row) => <ExactAmount nanos={row.amount_nanos} decimals={amounts} plus />,
    },
    {
      id: "after",
      head: "Balance after",
      numeric: true,
      from: "md",
      cell: (row) =>
        row.balance_after_nanos === null ? "" : <ExactAmount nanos={row.balance_after_nanos} decimals={balances} />,
    },
  ];
  return (
    <Table
      caption="Transactions, newest first"
      columns={columns}
      rows={rows}
      rowKey={(row) => String(row.position)}
      rowClass={(row) => (row.id === markedId ? "bg-accent-soft/60" : undefined)}
    />
  );
}

/** The largest number of decimals among the amounts; shown with it, their decimal points align. */
function widest(amounts: readonly string[]): number {
  return amounts.reduce((most, amount) => Math.max(most, decimalsOf(nanos(amount))), 2);
}

function What({ row, openReceipt }: { row: Transaction; openReceipt: OpenReceipt }) {
  const name = kindName(row.kind);
  const story = storyOf(row);
  const about = aboutOf(row);
  return (
    <div className="flex items-center justify-between gap-2" title={row.id}>
      <div className="flex min-w-0 flex-col py-1.5 sm:flex-row sm:items-baseline sm:gap-2.5">
        {story === null ? (
          <span>{name}</span>
        ) : (
          <Link href={story} className="font-medium text-accent hover:underline sm:whitespace-nowrap">
            {name}
            <span className="sr-only"> {row.id}</span>
          </Link>
        )}
        {about && <span className="max-w-40 truncate text-muted sm:max-w-72">{about}</span>}
        <span className="text-xs text-muted sm:hidden">
          <Instant at={row.at} />
        </span>
      </div>
      {!isRequest(row) && (
        <button
          type="button"
          aria-haspopup="dialog"
          aria-label={`Signed receipt of ${name.toLowerCase()} ${row.id}`}
          title="Signed receipt"
          onClick={(event) => openReceipt(row, event.currentTarget)}
          className={buttonClass("quiet", "small")}
        >
          <FileCheck aria-hidden="true" className="size-4" />
        </button>
      )}
    </div>
  );
}

function NoneYet() {
  return (
    <Empty title="No transactions yet" action={<LinkButton href="/dashboard">Make the first call</LinkButton>}>
      Top-ups, grants and requests appear here as soon as they are on the ledger.
    </Empty>
  );
}
