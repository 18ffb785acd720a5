import { aligned, formatUsd, formatUsdExact, nanos, type Rounding } from "@/lib/money";

type AmountProps = { nanos: string | bigint; rounding?: Rounding };

/** A rounded amount, with the exact one as its title. */
export function Amount({ nanos: value, rounding }: AmountProps) {
  const amount = typeof value === "bigint" ? value : nanos(value);
  return (
    <span className="tabular whitespace-nowrap" title={formatUsdExact(amount)}>
      {formatUsd(amount, rounding)}
    </span>
  );
}

type ExactAmountProps = { nanos: string | bigint; decimals?: number; plus?: boolean };

/**
 * An exact amount. If all rows of a column get the same `decimals` (at most 9), their points align. `plus`: show the sign of a
 * positive amount.
 */
export function ExactAmount({ nanos: value, decimals = 2, plus = false }: ExactAmountProps) {
  const amount = typeof value === "bigint" ? value : nanos(value);
  const { shown, zeros } = aligned(amount, decimals);
  return (
    <span className="tabular whitespace-nowrap">
      {plus && amount > 0n && "+"}
      {shown}
      {zeros && (
        <span aria-hidden="true" className="invisible select-none">
          {zeros}
        </span>
      )}
    </span>
  );
}
