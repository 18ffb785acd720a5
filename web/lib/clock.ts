"use client";

import { useMemo, useSyncExternalStore } from "react";

const MS_PER_HOUR = 3_600_000;

/** The start of the current hour. It updates every hour, so that a page left open moves on to the next day. */
export function useHour(): Date {
  const hour = useSyncExternalStore(eachHour, thisHour, thisHour);
  return useMemo(() => new Date(hour * MS_PER_HOUR), [hour]);
}

function thisHour(): number {
  return Math.floor(Date.now() / MS_PER_HOUR);
}

function eachHour(notify: () => void): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const wait = () => {
    timer = setTimeout(
      () => {
        notify();
        wait();
      },
      MS_PER_HOUR - (Date.now() % MS_PER_HOUR),
    );
  };
  wait();
  return () => clearTimeout(timer);
}
