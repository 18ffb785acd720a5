// The building blocks of documentation sections.

import { clsx } from "clsx";
import type { ReactNode } from "react";
import { rich } from "./rich";

/** A paragraph; see `rich` for its markup. */
export function P({ children }: { children: string }) {
  return <p className="text-pretty">{rich(children)}</p>;
}

export function Bullets({ items }: { items: string[] }) {
  return (
    <ul className="list-disc space-y-2 pl-5 marker:text-line-strong">
      {items.map((item) => (
        <li key={item} className="pl-1 text-pretty">
          {rich(item)}
        </li>
      ))}
    </ul>
  );
}

export function Steps({ items }: { items: string[] }) {
  return (
    <ol className="list-decimal space-y-2 pl-5 marker:text-muted">
      {items.map((item) => (
        <li key={item} className="pl-1 text-pretty">
          {rich(item)}
        </li>
      ))}
    </ol>
  );
}

/** A note that readers should not miss. */
export function Note({ title, children }: { title: string; children: string }) {
  return (
    <div className="rounded-xl border border-l-4 border-l-accent bg-surface px-4 py-3 text-sm">
      <p className="font-medium">{title}</p>
      <p className="mt-1 text-pretty text-muted">{rich(children)}</p>
    </div>
  );
}

type DocTableProps = {
  caption: string;
  head: string[];
  /** The first cell is the row's heading. */
  rows: { key: string; cells: ReactNode[]; id?: string }[];
  numeric?: number[];
};

/** A table that scrolls within its own frame. */
export function DocTable({ caption, head, rows, numeric = [] }: DocTableProps) {
  const side = (column: number) => (numeric.includes(column) ? "tabular text-right whitespace-nowrap" : "");
  return (
    <div className="overflow-hidden rounded-xl border bg-surface">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable with the keyboard */}
      <div tabIndex={0} className="overflow-x-auto -outline-offset-2">
        <table className="w-full text-sm">
          <caption className="sr-only">{caption}</caption>
          <thead className="bg-sunken text-left text-muted">
            <tr>
              {head.map((name, column) => (
                <th
                  key={name}
                  scope="col"
                  className={clsx("px-3 py-2.5 font-medium whitespace-nowrap sm:px-4", side(column))}
                >
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="divide-y">
            {rows.map((row) => (
              <tr key={row.key} id={row.id} className="scroll-mt-32 align-top target:bg-accent-soft">
                {row.cells.map((cell, column) =>
                  column === 0 ? (
                    <th
                      key={head[column]}
                      scope="row"
                      className={clsx("px-3 py-3 text-left font-normal sm:px-4", side(column))}
                    >
                      {cell}
                    </th>
                  ) : (
                    <td key={head[column]} className={clsx("px-3 py-3 sm:px-4", side(column))}>
                      {cell}
                    </td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
