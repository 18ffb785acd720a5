import { highlight, type Language, languageOf, readSnippet } from "@/lib/docs/snippets";
import { CodeBlock, CodeTabs } from "./code-block";

/** Snippets from web/snippets, one per language. `title` says what they do. */
export async function Snippet({ files, title }: { files: string[]; title: string }) {
  const codes = await Promise.all(files.map((file) => highlight(readSnippet(file), languageOf(file))));
  const [only] = codes;
  return codes.length === 1 && only ? (
    <CodeBlock code={only} title={title} />
  ) : (
    <CodeTabs codes={codes} title={title} />
  );
}

/** Code that is not a tested snippet, such as a response or a configuration file. */
export async function Listing({ text, language, title }: { text: string; language: Language; title: string }) {
  return <CodeBlock code={await highlight(text, language)} title={title} />;
}
