import { clsx } from "clsx";
import type { ReactNode } from "react";

export type Column<Row> = {
  id: string;
  head: string;
  cell: (row: Row) => ReactNode;
  /** Figures stand at the right, with digits of one width. */
  numeric?: boolean;
  /** Left out where the page is narrower than this. */
  from?: "sm" | "md" | "lg";
};

type TableProps<Row> = { caption: string; columns: Column<Row>[]; rows: readonly Row[]; rowKey: (row: Row) => string };

const FROM = { sm: "max-sm:hidden", md: "max-md:hidden", lg: "max-lg:hidden" };

/** A table that scrolls inside its own frame where it is wider than the page. */
export function Table<Row>({ caption, columns, rows, rowKey }: TableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
    <section aria-label={caption} tabIndex={0} className="overflow-x-auto -outline-offset-2">
      <table className="w-full text-sm">
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr className="border-b text-left text-muted">
            {columns.map((column) => (
              <th key={column.id} scope="col" className={cell(column, "h-10 font-medium whitespace-nowrap")}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y">
          {rows.map((row) => (
            <tr key={rowKey(row)} className="hover:bg-sunken/60">
              {columns.map((column) => (
                <td key={column.id} className={cell(column, "h-12")}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function cell<Row>(column: Column<Row>, own: string): string {
  return clsx(
    own,
    "px-2 first:pl-4 last:pr-4 sm:first:pl-5 sm:last:pr-5",
    column.numeric && "tabular text-right",
    column.from && FROM[column.from],
  );
}
