// The language chosen for code blocks, saved in this browser.

const KEY = "realrouter-language";
const listeners = new Set<() => void>();
let chosen: string | null | undefined;

export function chosenLanguage(): string | null {
  if (chosen === undefined) chosen = stored();
  return chosen;
}

export function chooseLanguage(language: string): void {
  chosen = language;
  try {
    localStorage.setItem(KEY, language);
  } catch {
    // storage is disabled: the choice lasts as long as the page
  }
  for (const listener of listeners) listener();
}

export function onLanguage(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
