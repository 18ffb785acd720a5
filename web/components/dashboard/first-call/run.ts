"use client";
// One test request: the response as it streams, and its hold and charge as the ledger reports them.
//
// Rule 1: one at a time; leaving the page stops it.
// Rule 2: account events can arrive before the response starts, so they are kept until the request's id is known.

import { useCallback, useEffect, useRef, useState } from "react";
import { type StreamRequest, streamText } from "@/lib/api/client";
import { type RequestEvent, useRequestEvents } from "@/lib/api/live";
import { useRequest } from "@/lib/api/queries";
import { noted } from "@/lib/requests/rows";

export type Phase = "idle" | "sending" | "answering" | "done" | "stopped" | "failed";
type Run = { phase: Phase; text: string; requestId: string | null; error: Error | null };

const IDLE: Run = { phase: "idle", text: "", requestId: null, error: null };

export function useTestRequest() {
  const [run, setRun] = useState(IDLE);
  const [events, setEvents] = useState<readonly RequestEvent[]>([]);
  const abort = useRef<AbortController | null>(null);
  const underWay = run.phase === "sending" || run.phase === "answering";
  useRequestEvents((event) => {
    if (run.phase !== "idle") setEvents((known) => noted(known, event));
  });
  useEffect(() => () => abort.current?.abort(), []);

  const send = useCallback(async (request: StreamRequest) => {
    abort.current?.abort();
    const own = new AbortController();
    abort.current = own;
    setEvents([]);
    setRun({ ...IDLE, phase: "sending" });
    const change = (made: (known: Run) => Partial<Run>) => {
      if (abort.current === own) setRun((known) => ({ ...known, ...made(known) }));
    };
    try {
      for await (const part of streamText(request, own.signal)) {
        if (part.type === "opened") change(() => ({ phase: "answering", requestId: part.requestId }));
        if (part.type === "text") change(({ text }) => ({ text: text + part.delta }));
      }
      change(() => ({ phase: "done" }));
    } catch (error) {
      if (own.signal.aborted) change(() => ({ phase: "stopped" }));
      else change(({ requestId }) => ({ phase: "failed", error: asError(error), requestId }));
    }
  }, []);

  const event = events.find((one) => one.request_id === run.requestId) ?? null;
  const detail = useRequest(underWay && event !== null ? null : run.requestId);
  return { ...run, underWay, event, detail, send, stop: () => abort.current?.abort() };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
