"use client";

import { Monitor, Moon, Sun } from "lucide-react";
import { THEMES } from "@/lib/theme/theme";
import { useTheme } from "@/lib/theme/use-theme";

const ICONS = { system: Monitor, light: Sun, dark: Moon };
const NAMES = { system: "system", light: "light", dark: "dark" };

/** A button that cycles through the themes, and names the current one. */
export function ThemeSwitch() {
  const [theme, setTheme] = useTheme();
  const Icon = ICONS[theme];
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  return (
    <button
      type="button"
      aria-label={`Theme: ${NAMES[theme]}. Change to ${NAMES[next]}`}
      title={`Theme: ${NAMES[theme]}`}
      onClick={() => setTheme(next)}
      className="grid size-10 place-items-center rounded-lg text-muted hover:bg-sunken hover:text-text"
    >
      <Icon aria-hidden="true" className="size-4.5" />
    </button>
  );
}
