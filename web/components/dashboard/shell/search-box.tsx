"use client";
// Finds any ID: of a request, response, key, checkout or payment. Text that looks like a secret is cleared, not searched for.

import { Search } from "lucide-react";
import { useRouter } from "next/navigation";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Spinner } from "@/components/ui/button";
import { INPUT } from "@/components/ui/field";
import { find } from "@/lib/navigation/find";
import { destination, looksSecret } from "@/lib/navigation/ids";

export function SearchBox() {
  const router = useRouter();
  const [text, setText] = useState("");
  const [message, setMessage] = useState("");
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const asking = useRef<AbortController | null>(null);
  useSlash(input);
  useEffect(() => () => asking.current?.abort(), []);

  const change = (next: string) => {
    asking.current?.abort();
    setText(next);
    setMessage("");
    setBusy(false);
  };
  const open = (href: string) => {
    change("");
    router.push(href);
  };
  const lookUp = async (id: string) => {
    const own = new AbortController();
    asking.current = own;
    setBusy(true);
    const found = await find(id, own.signal).then(
      (href) => ({ href, message: "Nothing in this account has this ID." }),
      (error: unknown) => ({ href: null, message: error instanceof Error ? error.message : String(error) }),
    );
    if (own.signal.aborted) return;
    setBusy(false);
    if (found.href !== null) open(found.href);
    else setMessage(found.message);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = destination(text);
    if (looksSecret(text)) setText("");
    if ("href" in found) open(found.href);
    else if ("message" in found) setMessage(found.message);
    else void lookUp(found.lookUp);
  };

  return (
    <search>
      <form
        onSubmit={submit}
        onKeyDown={(event) => event.key === "Escape" && change("")}
        onBlur={() => setMessage("")}
        className="relative max-w-md"
      >
        <Search aria-hidden="true" className="pointer-events-none absolute top-3 left-3 size-4 text-muted" />
        <input
          ref={input}
          type="search"
          aria-label="Find any ID"
          aria-keyshortcuts="/"
          placeholder="Find any ID"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={text}
          onChange={(event) => change(event.target.value)}
          className={`${INPUT} peer pl-9 sm:pr-9`}
        />
        <span
          aria-hidden="true"
          className="pointer-events-none absolute inset-y-0 right-3 flex items-center peer-focus:opacity-0 max-sm:hidden"
        >
          {!text && <kbd className="rounded border px-1.5 py-0.5 font-mono text-xs text-muted">/</kbd>}
        </span>
        {busy && (
          <span className="absolute top-3 right-3 text-muted">
            <Spinner />
          </span>
        )}
        <p
          role="status"
          className={
            message
              ? "absolute top-full left-0 z-10 mt-1 w-full rounded-lg border bg-surface px-3 py-2 text-sm shadow-lg"
              : "sr-only"
          }
        >
          {busy ? "Searching…" : message}
        </p>
      </form>
    </search>
  );
}

/** Pressing "/" focuses the box, unless the user is typing somewhere. */
function useSlash(input: React.RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
      if (document.querySelector('[role="dialog"]')) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [input]);
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}
