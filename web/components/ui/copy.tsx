"use client";

import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { buttonClass } from "./button";

const SHOWN_MS = 2_000;

/** Copies `text`, and announces it to screen readers. `label` names what is copied: "Copy the key". */
export function CopyButton({
  text,
  label,
  look = "quiet",
  children,
}: {
  text: string | (() => string);
  label: string;
  look?: "quiet" | "secondary";
  children?: string;
}) {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = () =>
    navigator.clipboard.writeText(typeof text === "function" ? text() : text).then(
      () => setState("copied"),
      () => setState("failed"),
    );
  const Icon = state === "copied" ? Check : Copy;
  return (
    <>
      <button type="button" onClick={copy} aria-label={label} title={label} className={buttonClass(look, "small")}>
        <Icon aria-hidden="true" className="size-4" />
        {children}
      </button>
      <span role="status" className="sr-only">
        {state === "copied" && "Copied."}
        {state === "failed" && "Copying failed. Select the text and copy it yourself."}
      </span>
    </>
  );
}
