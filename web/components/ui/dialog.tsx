"use client";

import { Dialog as Base } from "@base-ui/react/dialog";
import { clsx } from "clsx";
import { X } from "lucide-react";
import type { ReactNode, RefObject } from "react";

type DialogProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: ReactNode;
  children: ReactNode;
  /** A sheet at the side, instead of a dialog in the middle. */
  side?: boolean;
  /** A wider dialog, for code. */
  wide?: boolean;
  /** The element to focus when it closes, if not the one that opened it. */
  finalFocus?: RefObject<HTMLElement | null>;
};

/** A modal dialog: focus stays inside, Escape closes it, and focus returns to the element that opened it. */
export function Dialog({
  open,
  onOpenChange,
  title,
  description,
  children,
  side = false,
  wide = false,
  finalFocus,
}: DialogProps) {
  return (
    <Base.Root open={open} onOpenChange={onOpenChange}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-[#000]/50 transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0" />
        <Base.Popup
          {...(finalFocus ? { finalFocus } : {})}
          className={clsx(
            "fixed z-50 flex flex-col overflow-hidden bg-surface shadow-2xl transition outline-none",
            side
              ? "inset-y-0 right-0 w-full max-w-2xl border-l data-ending-style:translate-x-8 data-starting-style:translate-x-8"
              : "top-1/2 left-1/2 max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] -translate-x-1/2 -translate-y-1/2 rounded-2xl border",
            !side && (wide ? "max-w-3xl" : "max-w-lg"),
            "data-ending-style:opacity-0 data-starting-style:opacity-0",
          )}
        >
          <header className="flex items-start justify-between gap-4 border-b px-5 py-4">
            <div className="min-w-0">
              <Base.Title className="text-lg font-semibold">{title}</Base.Title>
              {description && (
                <Base.Description className="mt-1 text-sm break-words text-muted" render={<div />}>
                  {description}
                </Base.Description>
              )}
            </div>
            <Base.Close
              aria-label="Close"
              className="-mr-2 grid size-9 shrink-0 place-items-center rounded-lg text-muted hover:bg-sunken hover:text-text"
            >
              <X aria-hidden="true" className="size-5" />
            </Base.Close>
          </header>
          <div className="overflow-y-auto px-5 py-5">{children}</div>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
