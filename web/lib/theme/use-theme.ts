"use client";

import { useSyncExternalStore } from "react";
import { applyTheme, shownTheme, storedTheme, type Theme } from "./theme";

const listeners = new Set<() => void>();

/** The chosen theme and its setter. All callers share it, in all tabs. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const theme = useSyncExternalStore(subscribe, shownTheme, () => "system" as const);
  return [theme, choose];
}

function choose(theme: Theme): void {
  applyTheme(theme);
  for (const notify of listeners) notify();
}

function subscribe(notify: () => void): () => void {
  const fromOtherTab = () => {
    applyTheme(storedTheme());
    notify();
  };
  listeners.add(notify);
  window.addEventListener("storage", fromOtherTab);
  return () => {
    listeners.delete(notify);
    window.removeEventListener("storage", fromOtherTab);
  };
}
