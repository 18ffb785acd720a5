// The two-line change, generated from the quickstart's own files: its client, with the old key's line marked as removed.

import { highlight, languageOf, readSnippet } from "@/lib/docs/snippets";
import { CodeTabs } from "./docs/code-block";

const END = /^(const response|response = )/m;
const OURS = /REALROUTER_KEY|api\.realrouter\.org/;

export async function TwoLineChange() {
  const codes = await Promise.all(["quickstart.py", "quickstart.mjs"].map(changed));
  return <CodeTabs codes={codes} title="The two-line change" />;
}

async function changed(file: string) {
  const client = readSnippet(file).split(END)[0] ?? "";
  const lines: string[] = [];
  const classes: Record<number, string> = {};
  for (const line of client.trimEnd().split("\n")) {
    if (line.includes("REALROUTER_KEY")) {
      lines.push(line.replace("REALROUTER_KEY", "OPENAI_API_KEY"));
      classes[lines.length] = "removed";
    }
    lines.push(line);
    if (OURS.test(line)) classes[lines.length] = "added";
  }
  return highlight(lines.join("\n"), languageOf(file), classes);
}
