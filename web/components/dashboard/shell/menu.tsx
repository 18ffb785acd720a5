"use client";

import { Dialog as Base } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import type { RefObject } from "react";
import { Logo } from "@/components/logo";
import { Pages } from "./pages";

type ShellMenuProps = { trigger: RefObject<HTMLButtonElement | null>; onClose: () => void };

/** The dashboard's pages as a sheet, for narrow windows. The sheet is open while it is mounted. */
export function ShellMenu({ trigger, onClose }: ShellMenuProps) {
  return (
    <Base.Root open onOpenChange={(open) => open || onClose()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-[#000]/50" />
        <Base.Popup
          finalFocus={trigger}
          className="fixed inset-y-0 left-0 z-50 w-64 space-y-6 bg-page p-4 outline-none"
        >
          <Base.Title className="sr-only">Menu</Base.Title>
          <div className="flex items-center justify-between">
            <Logo />
            <Base.Close
              aria-label="Close"
              className="grid size-10 place-items-center rounded-lg text-muted hover:bg-sunken"
            >
              <X aria-hidden="true" className="size-5" />
            </Base.Close>
          </div>
          <Pages label="Dashboard, all pages" onGo={onClose} />
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
