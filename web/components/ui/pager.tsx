"use client";

import { Button } from "./button";

type PagerProps = {
  /** What the rows are, in the plural: "requests". */
  what: string;
  /** The cursor of the page behind this one, if there is one. */
  older: string | null;
  position: number | undefined;
  first: boolean;
  busy: boolean;
  /** `null`: to the newest. */
  onTurn: (cursor: string | null) => void;
};

/** Turns pages by cursor. It stands outside a query's own states: what an old link asks for may be no page, and there is a way back. */
export function Pager({ what, older, position, first, busy, onTurn }: PagerProps) {
  if (position === undefined && first) return null;
  return (
    <footer className="flex min-h-14 flex-wrap items-center justify-between gap-3 border-t px-4 py-2 text-sm text-muted sm:px-5">
      <span role="status" className="tabular">
        {first ? `The newest ${what}` : `Older ${what}`}
        {position !== undefined && `, as of position ${position} of the ledger`}
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
