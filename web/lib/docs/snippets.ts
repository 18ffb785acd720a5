// The snippets of the documentation, read and highlighted when the site is built. The tests run the same files.
//
// Rule 1: nothing of this reaches a browser but the HTML that it makes.
// Rule 2: colours are CSS variables (`--code-...` in globals.css), so that one text serves both themes.

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
  if (!found) throw new Error(`no language for ${file}`);
  return found;
}

/** The inside of a <code> element: one span a line, with its parts in colour. `classes` are added to lines, counted from 1. */
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
