"use client";

import { Button } from "./button";

type PagerProps = {
  /** The plural noun for the rows: "requests". */
  what: string;
  /** The cursor of the next, older page; null if this is the last. */
  older: string | null;
  position: number | undefined;
  first: boolean;
  busy: boolean;
  /** Called with the cursor of the page to show; null for the newest. */
  onTurn: (cursor: string | null) => void;
};

/** Turns pages by cursor. It is shown even if the query fails, so that an outdated link offers a way back to the newest page. */
export function Pager({ what, older, position, first, busy, onTurn }: PagerProps) {
  if (position === undefined && first) return null;
  return (
    <footer className="flex min-h-14 flex-wrap items-center justify-between gap-3 border-t px-4 py-2 text-sm text-muted sm:px-5">
      <span role="status" className="tabular">
        {first ? `The newest ${what}` : `Older ${what}`}
        {position !== undefined && ` as of ledger position ${position}`}
      </span>
      <span className="flex gap-2">
        {!first && (
          <Button look="secondary" size="small" onClick={() => onTurn(null)}>
            Newest
          </Button>
        )}
        {older !== null && (
          <Button look="secondary" size="small" busy={busy} onClick={() => onTurn(older)}>
            Older
          </Button>
        )}
      </span>
    </footer>
  );
}
