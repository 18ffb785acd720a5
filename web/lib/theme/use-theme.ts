"use client";

import { useSyncExternalStore } from "react";
import { applyTheme, shownTheme, storedTheme, type Theme } from "./theme";

const listeners = new Set<() => void>();

/** The theme that is chosen, and how to choose another one: the same wherever it is asked for, in all tabs. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const theme = useSyncExternalStore(subscribe, shownTheme, () => "system" as const);
  return [theme, choose];
}

function choose(theme: Theme): void {
  applyTheme(theme);
  for (const tell of listeners) tell();
}

function subscribe(tell: () => void): () => void {
  const fromOtherTab = () => {
    applyTheme(storedTheme());
    tell();
  };
  listeners.add(tell);
  window.addEventListener("storage", fromOtherTab);
  return () => {
    listeners.delete(tell);
    window.removeEventListener("storage", fromOtherTab);
  };
}
