"use client";
// The account's requests: live ones in flight at the top, then settled ones, paged by cursor.

import { createSerializer, useQueryStates } from "nuqs";
import { useEffect, useMemo, useRef, useState } from "react";
import { LinkButton } from "@/components/ui/button";
import { NoMatch } from "@/components/ui/filters";
import { Pager } from "@/components/ui/pager";
import { Empty, Loaded, Panel, SkeletonRows } from "@/components/ui/panel";
import { type RequestEvent, useRequestEvents } from "@/lib/api/live";
import { type ApiKey, useApiKeys, useTransactionPage } from "@/lib/api/queries";
import { noted, rowOfTransaction, withLive } from "@/lib/requests/rows";
import { RequestsFilters } from "./filters";
import { RequestSheet } from "./sheet";
import { type Filters, isFiltered, NO_FILTERS, OUTCOMES, PARSERS, toFilter } from "./state";
import { RequestsTable } from "./table";

const FLUSH_MS = 200;
const NO_KEYS: readonly ApiKey[] = [];
const serialize = createSerializer(PARSERS);

export function RequestsView() {
  const [{ before, request, ...filters }, set] = useQueryStates(PARSERS);
  const events = useLiveRequests();
  const filter = toFilter(filters);
  const query = useTransactionPage({ ...filter, kind: filters.kind ? [filters.kind] : [...OUTCOMES] }, before);
  const keys = useApiKeys().data ?? NO_KEYS;
  const keyNames = useMemo(() => new Map(keys.map((key) => [key.id, key.name])), [keys]);
  const panel = useRef<HTMLDivElement>(null);
  const setFilters = (change: Partial<Filters>) => void set({ ...change, before: null });
  const clear = () => setFilters(NO_FILTERS);
  const turn = (cursor: string | null) => {
    void set({ before: cursor }, { history: "push" });
    panel.current?.focus();
  };
  const live = before === null ? events : [];
  return (
    <div ref={panel} tabIndex={-1} className="scroll-mt-20 outline-none">
      <Panel title="All requests" flush>
        <RequestsFilters filters={filters} keys={keys} onChange={setFilters} onClear={clear} />
        <Loaded
          query={query}
          skeleton={<SkeletonRows rows={10} />}
          isEmpty={(page) => page.data.length === 0 && withLive(live, [], filter).length === 0}
          empty={
            isFiltered(filters) || before !== null ? (
              <NoMatch title="No matching requests" clear={clear} />
            ) : (
              <NoneYet />
            )
          }
        >
          {(page) => (
            <div aria-busy={query.isPlaceholderData} className={query.isPlaceholderData ? "opacity-60" : ""}>
              <RequestsTable
                rows={withLive(live, page.data.map(rowOfTransaction), filter)}
                keyNames={keyNames}
                chosen={request}
                hrefOf={(id) => serialize({ ...filters, before, request: id })}
                onOpen={(id) => void set({ request: id }, { history: "push" })}
              />
            </div>
          )}
        </Loaded>
        <Pager
          what="requests"
          older={query.data?.next_cursor ?? null}
          position={query.data?.as_of.position}
          first={before === null}
          busy={query.isPlaceholderData}
          onTurn={turn}
        />
      </Panel>
      <RequestSheet id={request} onClose={() => void set({ request: null })} />
    </div>
  );
}

/** The requests reported by live events, updated at most five times a second. */
function useLiveRequests(): readonly RequestEvent[] {
  const [events, setEvents] = useState<readonly RequestEvent[]>([]);
  const waiting = useRef<RequestEvent[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useRequestEvents((event) => {
    waiting.current.push(event);
    timer.current ??= setTimeout(() => {
      const arrived = waiting.current;
      waiting.current = [];
      timer.current = undefined;
      setEvents((known) => arrived.reduce(noted, [...known]));
    }, FLUSH_MS);
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  return events;
}

function NoneYet() {
  return (
    <Empty title="No requests yet" action={<LinkButton href="/dashboard">Make the first call</LinkButton>}>
      Requests appear here while they are in flight, and remain here with their cost.
    </Empty>
  );
}
