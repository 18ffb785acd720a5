"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useEffect, useRef } from "react";
import { answered, api } from "@/lib/api/client";
import { nextPath } from "@/lib/session/next-path";
import { rememberSignedIn, wasSignedIn } from "@/lib/session/signed-in";

/** Go on to the page that the visitor wanted, after clearing all data of the previous session. */
export function useArrival(): () => void {
  const client = useQueryClient();
  const router = useRouter();
  return () => {
    rememberSignedIn(true);
    client.clear();
    router.replace(nextPath(new URLSearchParams(window.location.search).get("next")));
  };
}

/** A visitor who is already signed in goes on at once. */
export function useSignedInAlready(arrive: () => void, ask: boolean): void {
  const latest = useRef(arrive);
  useEffect(() => {
    latest.current = arrive;
  });
  useEffect(() => {
    if (!ask || !wasSignedIn()) return;
    const leaving = new AbortController();
    answered(api.GET("/api/session", { signal: leaving.signal })).then(
      () => latest.current(),
      () => !leaving.signal.aborted && rememberSignedIn(false),
    );
    return () => leaving.abort();
  }, [ask]);
}
