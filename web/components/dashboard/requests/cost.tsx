"use client";
// The charge line by line: each amount is quantity times price, and the amounts add up to the charge, to the last digit.

import { clsx } from "clsx";
import type { RequestDetail } from "@/lib/api/queries";
import { formatPerMillion, formatPicos, picos } from "@/lib/billing/prices";
import { formatUsdExact, nanos } from "@/lib/money";
import { costKindInWords } from "@/lib/requests/words";
import { formatCount } from "@/lib/time";

type Line = RequestDetail["lines"][number];

const OF_TOKENS = /^(input|output|cached_input|cache_write|cache_write_1h|image_input|image_output)$/;
const HEAD = "h-9 px-2 text-right font-medium first:pl-0 first:text-left last:pr-0";
const WIDE = "max-sm:hidden";
const CELL = "tabular px-2 py-2 text-right align-top first:pl-0 first:text-left last:pr-0";

export function RequestCost({ request }: { request: RequestDetail }) {
  const amounts = request.lines.map((line) => formatPicos(picos(line.amount)));
  const total = request.cost_nanos === null ? null : formatUsdExact(nanos(request.cost_nanos));
  const decimals = Math.max(2, ...[...amounts, total ?? ""].map(decimalsIn));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable with the keyboard
    <section aria-label="Cost, line by line" tabIndex={0} className="overflow-x-auto">
      <table className="w-full text-sm">
        <caption className="sr-only">Cost, line by line</caption>
        <thead>
          <tr className="border-b text-muted">
            <th scope="col" className={HEAD}>
              Line
            </th>
            <th scope="col" className={clsx(HEAD, WIDE)}>
              Quantity
            </th>
            <th scope="col" className={clsx(HEAD, WIDE)}>
              Unit price
            </th>
            <th scope="col" className={HEAD}>
              Amount
            </th>
          </tr>
        </thead>
        <tbody className="divide-y">
          {request.lines.map((line, at) => (
            <tr key={line.kind}>
              <td className={CELL}>
                {costKindInWords(line.kind)}
                <span className="block text-xs text-muted sm:hidden">
                  {formatCount(line.quantity)} × {formatPicos(picos(line.price))}
                </span>
              </td>
              <td className={clsx(CELL, WIDE)}>{formatCount(line.quantity)}</td>
              <td className={clsx(CELL, WIDE)}>
                <UnitPrice line={line} />
              </td>
              <td className={CELL}>
                <Padded text={amounts[at] ?? ""} decimals={decimals} />
              </td>
            </tr>
          ))}
        </tbody>
        {total !== null && (
          <tfoot>
            <tr className="border-t border-line-strong font-semibold">
              <th scope="row" className={CELL}>
                Charge
              </th>
              <td colSpan={2} className={clsx(CELL, WIDE, "font-normal text-muted")}>
                Exact total
              </td>
              <td className={CELL}>
                <Padded text={total} decimals={decimals} />
              </td>
            </tr>
          </tfoot>
        )}
      </table>
    </section>
  );
}

function UnitPrice({ line }: { line: Line }) {
  return (
    <>
      <span className="whitespace-nowrap">
        <span aria-hidden="true" className="text-muted">
          ×{" "}
        </span>
        {formatPicos(picos(line.price))}
      </span>
      {OF_TOKENS.test(line.kind) && (
        <span className="block text-xs whitespace-nowrap text-muted">{formatPerMillion(line.price)} per million</span>
      )}
    </>
  );
}

/** Pads with invisible zeros, so that decimal points align. */
function Padded({ text, decimals }: { text: string; decimals: number }) {
  return (
    <span className="whitespace-nowrap">
      {text}
      <span aria-hidden="true" className="invisible select-none">
        {"0".repeat(Math.max(0, decimals - decimalsIn(text)))}
      </span>
    </span>
  );
}

function decimalsIn(text: string): number {
  return text.split(".")[1]?.length ?? 0;
}
