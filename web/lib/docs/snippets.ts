// The documentation's snippets, read and highlighted when the site is built. The tests run the same files.
//
// Rule 1: only the generated HTML reaches a browser.
// Rule 2: colours are CSS variables (`--code-...` in globals.css), so that the same HTML serves both themes.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { codeToHtml, createCssVariablesTheme, type ShikiTransformer } from "shiki";

export type Language = "python" | "javascript" | "curl" | "json" | "toml" | "text";
export type Code = { language: Language; html: string };

const FOLDER = join(process.cwd(), "snippets");
const GRAMMARS = {
  python: "python",
  javascript: "javascript",
  curl: "shellscript",
  json: "json",
  toml: "toml",
  text: "text",
} as const;
const LANGUAGES: Record<string, Language> = { py: "python", mjs: "javascript", sh: "curl" };
const THEME = createCssVariablesTheme({ name: "site", variablePrefix: "--code-", fontStyle: false });

export function readSnippet(file: string): string {
  return readFileSync(join(FOLDER, file), "utf8").trimEnd();
}

export function languageOf(file: string): Language {
  const found = LANGUAGES[file.split(".").at(-1) ?? ""];
  if (!found) throw new Error(`unknown language: ${file}`);
  return found;
}

/** The content of a <code> element: one span per line, highlighted. `classes` are added to lines by number, counted from 1. */
export async function highlight(text: string, language: Language, classes: Record<number, string> = {}): Promise<Code> {
  const marking: ShikiTransformer = {
    line(node, line) {
      const added = classes[line];
      if (added) this.addClassToHast(node, added);
    },
  };
  const whole = await codeToHtml(text, { lang: GRAMMARS[language], theme: THEME, transformers: [marking] });
  return { language, html: whole.replace(/^<pre[^>]*><code>/, "").replace(/<\/code><\/pre>$/, "") };
}
