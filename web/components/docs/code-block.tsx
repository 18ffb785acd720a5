"use client";
// Code blocks. Both the code shown and the code copied use the address of the gateway that serves the page.

import { Tabs as Base } from "@base-ui/react/tabs";
import { clsx } from "clsx";
import { useRef, useSyncExternalStore } from "react";
import type { Code, Language } from "@/lib/docs/snippets";
import { PUBLIC_ORIGIN, useOrigin } from "@/lib/navigation/here";
import { CopyButton } from "../ui/copy";
import { chooseLanguage, chosenLanguage, onLanguage } from "./language";

const NAMES: Record<Language, string> = {
  python: "Python",
  javascript: "JavaScript",
  curl: "curl",
  json: "JSON",
  toml: "TOML",
  text: "Text",
};
const FRAME = "overflow-hidden rounded-xl border bg-sunken";
const BAR = "flex min-h-11 items-center justify-between gap-2 border-b pr-1.5 pl-4";
const TAB =
  "-mb-px min-h-11 border-b-2 border-transparent px-3 text-sm font-medium text-muted hover:text-text data-active:border-accent data-active:text-text";

/** One code block with a title. */
export function CodeBlock({ code, title }: { code: Code; title?: string }) {
  const text = useRef<HTMLElement>(null);
  const name = title ?? NAMES[code.language];
  return (
    <figure className={FRAME}>
      <figcaption className={BAR}>
        <span className="truncate text-sm text-muted">{name}</span>
        <CopyButton label={`Copy: ${name}`} text={() => copied(text.current)} />
      </figcaption>
      <Lines code={code} into={text} />
    </figure>
  );
}

/** The same code in several languages. The chosen language applies to all blocks. */
export function CodeTabs({ codes, title }: { codes: Code[]; title: string }) {
  const wanted = useSyncExternalStore(onLanguage, chosenLanguage, () => null);
  const shown = codes.find((code) => code.language === wanted) ?? codes[0];
  const text = useRef<HTMLElement>(null);
  if (!shown) return null;
  return (
    <Base.Root value={shown.language} onValueChange={chooseLanguage} className={FRAME}>
      <div className={clsx(BAR, "pl-1.5")}>
        <Base.List aria-label={`${title}, in`} className="flex overflow-x-auto">
          {codes.map(({ language }) => (
            <Base.Tab key={language} value={language} className={TAB}>
              {NAMES[language]}
            </Base.Tab>
          ))}
        </Base.List>
        <CopyButton label={`Copy: ${title}, ${NAMES[shown.language]}`} text={() => copied(text.current)} />
      </div>
      {codes.map((code) => (
        <Base.Panel key={code.language} value={code.language} tabIndex={-1} keepMounted className="outline-none">
          <Lines code={code} {...(code === shown ? { into: text } : {})} />
        </Base.Panel>
      ))}
    </Base.Root>
  );
}

function Lines({ code, into }: { code: Code; into?: React.Ref<HTMLElement> }) {
  const origin = useOrigin();
  const html = code.html.replaceAll(PUBLIC_ORIGIN, origin);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable with the keyboard
    <pre tabIndex={0} className="overflow-x-auto p-4 text-[0.8125rem] leading-6 -outline-offset-2">
      {/* biome-ignore lint/security/noDangerouslySetInnerHtml: generated from our own files when the site is built */}
      <code ref={into} className="code" dangerouslySetInnerHTML={{ __html: html }} />
    </pre>
  );
}

/** The text shown, without the lines that a change removes. */
function copied(shown: HTMLElement | null): string {
  const lines = [...(shown?.querySelectorAll(".line:not(.removed)") ?? [])];
  return `${lines.map((line) => line.textContent).join("\n")}\n`;
}
