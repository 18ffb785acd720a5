"use client";
// The account as it moves: one EventSource for the whole dashboard, from GET /api/events.
//
// Rule 1: a balance replaces the one that is shown; other events only say what to read again, at most once a second.
// Rule 2: a browser reconnects by itself and is told what it missed; after a refusal it is tried again here, more and more slowly.

import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { API_BASE, EVENTS_URL, type Schemas } from "./api";
import { KEYS, refresh } from "./queries";

export type RequestEvent = Schemas["RequestEvent"];
type Listener = (event: RequestEvent) => void;
export type LiveStatus = "connecting" | "live" | "waiting";
type Live = { status: LiveStatus; listeners: Set<Listener> };

const REFRESH_MS = 1_000;
const RETRY_MS = 2_000;
const RETRY_MS_MAX = 60_000;
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

/** Calls with each request event while the component is there. */
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
export function follow(client: QueryClient, listeners: Set<Listener>, tell: (status: LiveStatus) => void): () => void {
  const soon = new Refresher(client);
  let source: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let wait = RETRY_MS;

  function open() {
    source = new EventSource(EVENTS_URL, { withCredentials: API_BASE !== "" });
    source.onopen = () => {
      wait = RETRY_MS;
      tell("live");
    };
    source.onerror = () => {
      tell("waiting");
      if (source?.readyState !== EventSource.CLOSED) return;
      retry = setTimeout(open, wait);
      wait = Math.min(wait * 2, RETRY_MS_MAX);
    };
    source.addEventListener("balance", (event) => client.setQueryData(KEYS.balance, JSON.parse(event.data)));
    source.addEventListener("request", (event) => {
      const told = JSON.parse(event.data) as RequestEvent;
      for (const listener of listeners) listener(told);
      soon.refresh(OF_REQUESTS);
    });
    source.addEventListener("account", () => soon.refresh(OF_ACCOUNT));
    source.addEventListener("reset", () => soon.refresh([...OF_REQUESTS, ...OF_ACCOUNT]));
  }

  open();
  return () => {
    source?.close();
    clearTimeout(retry);
    soon.stop();
  };
}

/** Reads things again, each at most once a second however many events ask for it. */
class Refresher {
  private readonly wanted = new Set<readonly string[]>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly client: QueryClient) {}

  refresh(stale: readonly (readonly string[])[]): void {
    for (const key of stale) this.wanted.add(key);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      refresh(this.client, ...this.wanted);
      this.wanted.clear();
    }, REFRESH_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
