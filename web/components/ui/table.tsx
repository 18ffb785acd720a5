import { clsx } from "clsx";
import type { MouseEvent, ReactNode } from "react";

export type Column<Row> = {
  id: string;
  head: string;
  cell: (row: Row) => ReactNode;
  /** Right-aligned, with tabular digits. */
  numeric?: boolean;
  /** Hidden on pages narrower than this. */
  from?: "sm" | "md" | "lg";
  /** Makes the head a button that sorts the rows. `order` is null while another column sorts them. */
  sort?: { order: Order | null; onSort: () => void };
};
type Order = "ascending" | "descending";

type TableProps<Row> = {
  caption: string;
  columns: Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  rowClass?: (row: Row) => string | undefined;
  /** For pointers only: a control within the row must do the same for the keyboard. */
  onRowClick?: (row: Row) => void;
  /** A last row with totals. */
  total?: Row;
};

const WIDTHS = ["sm", "md", "lg"] as const;
type Width = (typeof WIDTHS)[number];
const FROM: Record<Width, string> = { sm: "max-sm:hidden", md: "max-md:hidden", lg: "max-lg:hidden" };
const FIRST_BELOW: Record<Width, string> = { sm: "max-sm:pl-4", md: "max-md:pl-4", lg: "max-lg:pl-4" };
const LAST_BELOW: Record<Width, string> = { sm: "max-sm:pr-4", md: "max-md:pr-4", lg: "max-lg:pr-4" };

/** A table that scrolls within its own frame if it is wider than the page. */
export function Table<Row>({ caption, columns, rows, rowKey, rowClass, onRowClick, total }: TableProps<Row>) {
  const edges = columns.map((_, at) => edge(columns.slice(0, at), columns.slice(at + 1)));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable with the keyboard
    <section aria-label={caption} tabIndex={0} className="overflow-x-auto -outline-offset-2">
      <table className="w-full text-sm">
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr className="border-b text-left text-muted">
            {columns.map((column, at) => (
              <th
                key={column.id}
                scope="col"
                aria-sort={column.sort?.order ?? undefined}
                className={cell(column, "h-10 font-medium whitespace-nowrap", edges[at])}
              >
                {column.sort ? <Sorter head={column.head} {...column.sort} /> : column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y">
          {rows.map((row) => (
            <tr
              key={rowKey(row)}
              onClick={onRowClick && ((event) => isPlain(event) && onRowClick(row))}
              className={clsx("hover:bg-sunken/60", onRowClick && "cursor-pointer", rowClass?.(row))}
            >
              {columns.map((column, at) => (
                <td key={column.id} className={cell(column, "h-12", edges[at])}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
        {total !== undefined && (
          <tfoot className="border-t font-medium">
            <tr>
              {columns.map((column, at) => (
                <td key={column.id} className={cell(column, "h-12", edges[at])}>
                  {column.cell(total)}
                </td>
              ))}
            </tr>
          </tfoot>
        )}
      </table>
    </section>
  );
}

const ARROWS: Record<Order, string> = { ascending: "↑", descending: "↓" };

function Sorter({ head, order, onSort }: { head: string; order: Order | null; onSort: () => void }) {
  return (
    <button
      type="button"
      onClick={onSort}
      className={clsx("-mx-1.5 min-h-8 rounded-md px-1.5 font-medium hover:text-text", order && "text-text")}
    >
      {head}
      <span aria-hidden="true"> {order ? ARROWS[order] : <span className="text-line-strong">↕</span>}</span>
    </button>
  );
}

/** Whether a click hit the row itself: not a control within it, and not the end of a text selection. */
function isPlain(event: MouseEvent<HTMLElement>): boolean {
  const inside = event.target instanceof Element && event.target.closest("a, button, input, select, summary");
  return !inside && window.getSelection()?.isCollapsed !== false;
}

function cell<Row>(column: Column<Row>, own: string, edge = ""): string {
  return clsx(
    own,
    "px-2 first:pl-4 last:pr-4 sm:first:pl-5 sm:last:pr-5",
    column.numeric && "tabular text-right",
    column.from && FROM[column.from],
    edge,
  );
}

/** The outer padding of a column that becomes the outermost one when all columns beyond it are hidden. */
function edge<Row>(before: readonly Column<Row>[], after: readonly Column<Row>[]): string {
  const [first, last] = [leftOutBelow(before), leftOutBelow(after)];
  return clsx(first && FIRST_BELOW[first], last && LAST_BELOW[last]);
}

function leftOutBelow<Row>(columns: readonly Column<Row>[]): Width | undefined {
  return columns.every(({ from }) => from)
    ? WIDTHS.find((width) => columns.some(({ from }) => from === width))
    : undefined;
}
