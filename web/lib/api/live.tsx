"use client";
// Live updates of the account: one EventSource for the whole dashboard, from GET /api/events.
//
// Rule 1: a balance event replaces the balance shown; other events only invalidate queries, at most once a second.
// Rule 2: browsers reconnect automatically and receive the events they missed. After a refusal this module reconnects, with
// increasing delays, and invalidates everything that may have changed meanwhile.
// Rule 3: a hidden page holds no stream, because browsers allow six connections per host over all tabs.

import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { API_BASE, EVENTS_URL, type Schemas } from "./client";
import { type Balance, KEYS, refresh } from "./queries";

export type RequestEvent = Schemas["RequestEvent"];
type Listener = (event: RequestEvent) => void;
export type LiveStatus = "connecting" | "live" | "waiting";
type Live = { status: LiveStatus; listeners: Set<Listener> };

const REFRESH_MS = 1_000;
const RETRY_MS = 2_000;
const RETRY_MS_MAX = 60_000;
const HIDDEN_MS = 5_000;
const OF_REQUESTS = [KEYS.transactions, KEYS.usage, KEYS.request];
const OF_ACCOUNT = [KEYS.transactions, KEYS.keys, KEYS.account, KEYS.checkout, KEYS.automatic];

const LiveContext = createContext<Live>({ status: "connecting", listeners: new Set() });

export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [status, setStatus] = useState<LiveStatus>("connecting");
  const [listeners] = useState(() => new Set<Listener>());
  useEffect(() => follow(client, listeners, setStatus), [client, listeners]);
  const live = useMemo(() => ({ status, listeners }), [status, listeners]);
  return <LiveContext.Provider value={live}>{children}</LiveContext.Provider>;
}

export function useLiveStatus(): LiveStatus {
  return useContext(LiveContext).status;
}

/** Call the listener with every request event while the component is mounted. */
export function useRequestEvents(listener: Listener): void {
  const { listeners } = useContext(LiveContext);
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  useEffect(() => {
    const call: Listener = (event) => latest.current(event);
    listeners.add(call);
    return () => void listeners.delete(call);
  }, [listeners]);
}

/** Follow the events until the returned function is called. */
export function follow(
  client: QueryClient,
  listeners: Set<Listener>,
  report: (status: LiveStatus) => void,
): () => void {
  const soon = new Refresher(client);
  let source: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let hiding: ReturnType<typeof setTimeout> | undefined;
  let wait = RETRY_MS;
  let missed = false;

  function open() {
    clearTimeout(retry);
    if (source !== null) return;
    const opened = new EventSource(EVENTS_URL, { withCredentials: API_BASE !== "" });
    source = opened;
    opened.onopen = () => {
      wait = RETRY_MS;
      report("live");
      if (missed) soon.refresh([...OF_REQUESTS, ...OF_ACCOUNT]);
      missed = false;
    };
    opened.onerror = () => {
      report("waiting");
      if (opened.readyState !== EventSource.CLOSED) return;
      close();
      refresh(client, KEYS.session); // refused, perhaps because the session has ended
      retry = setTimeout(open, wait);
      wait = Math.min(wait * 2, RETRY_MS_MAX);
    };
    opened.addEventListener("balance", (event) => setBalance(client, JSON.parse(event.data)));
    opened.addEventListener("request", (event) => {
      const changed = JSON.parse(event.data) as RequestEvent;
      for (const listener of listeners) listener(changed);
      soon.refresh(OF_REQUESTS);
    });
    opened.addEventListener("account", () => soon.refresh(OF_ACCOUNT));
    opened.addEventListener("reset", () => soon.refresh([...OF_REQUESTS, ...OF_ACCOUNT]));
  }

  function close() {
    source?.close();
    source = null;
    missed = true;
    clearTimeout(retry);
  }

  function look() {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(close, HIDDEN_MS);
    else open();
  }

  open();
  document.addEventListener("visibilitychange", look);
  return () => {
    document.removeEventListener("visibilitychange", look);
    clearTimeout(hiding);
    close();
    soon.stop();
  };
}

/** Another account's balance means that someone else has signed in in this browser: the page is reloaded for them. */
function setBalance(client: QueryClient, balance: Balance): void {
  const own = client.getQueryData<Schemas["SignedIn"]>(KEYS.session)?.account_id;
  if (own !== undefined && own !== balance.account_id) window.location.reload();
  else client.setQueryData(KEYS.balance, balance);
}

/** Refetches stale queries. Requests made during a turn wait for the next one, so that no refetch cuts off another. */
export class Refresher {
  private readonly wanted = new Set<readonly string[]>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;

  constructor(private readonly client: QueryClient) {}

  refresh(stale: readonly (readonly string[])[]): void {
    for (const key of stale) this.wanted.add(key);
    if (this.wanted.size > 0 && !this.stopped) this.timer ??= setTimeout(() => void this.turn(), REFRESH_MS);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async turn(): Promise<void> {
    const keys = [...this.wanted];
    this.wanted.clear();
    await Promise.all(keys.map((queryKey) => this.client.invalidateQueries({ queryKey })));
    this.timer = undefined;
    this.refresh([]);
  }
}
