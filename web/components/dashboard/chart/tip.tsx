import { Amount } from "@/components/ui/amount";
import { formatUsd } from "@/lib/money";
import { formatCount } from "@/lib/time";
import { type Bar, type Series, sum } from "@/lib/usage/usage";
import { Swatch } from "./legend";

const WIDTH_REM = 15;
const GAP_REM = 0.5;

type ChartTipProps = { id: string; bar: Bar | undefined; series: readonly Series[]; at: number; of: number };

/**
 * The figures of one bar, next to it: on the left for bars in the right half, and always within the plot.
 * The topmost series comes first, as in the bar.
 */
export function ChartTip({ id, bar, series, at, of }: ChartTipProps) {
  if (!bar) return null;
  const left =
    at + 0.5 > of / 2
      ? `max(0rem, ${(100 * at) / of}% - ${WIDTH_REM + GAP_REM}rem)`
      : `min(${(100 * (at + 1)) / of}% + ${GAP_REM}rem, 100% - ${WIDTH_REM}rem)`;
  const parts = series.map((one, index) => ({ ...one, index, value: one.values[at] ?? 0n })).reverse();
  return (
    <div
      aria-hidden="true"
      className="pointer-events-none absolute top-1 z-10 rounded-lg border bg-surface px-3 py-2 text-sm shadow-lg"
      style={{ left, width: `${WIDTH_REM}rem` }}
    >
      <p className="font-medium">{bar.name}</p>
      {series.length > 1 && (
        <ul className="mt-1.5 space-y-0.5 text-muted">
          {parts
            .filter(({ value }) => value > 0n)
            .map(({ id: key, name, index, value }) => (
              <li key={key} className="flex items-center gap-2">
                <Swatch id={id} at={index} />
                <span className="min-w-0 flex-1 truncate">{name}</span>
                <Amount nanos={value} />
              </li>
            ))}
        </ul>
      )}
      <p className="mt-1 flex items-baseline justify-between gap-4">
        <span className="text-muted">{requestsInWords(bar.requests)}</span>
        <span className="font-medium">
          <Amount nanos={sum(parts.map(({ value }) => value))} />
        </span>
      </p>
    </div>
  );
}

/** The same as a sentence, for screen readers. */
export function tipInWords(bar: Bar | undefined, series: readonly Series[], at: number): string {
  if (!bar) return "";
  const values = series.map(({ name, values: all }) => ({ name, value: all[at] ?? 0n }));
  const parts = values.filter(({ value }) => value > 0n).map(({ name, value }) => `${name} ${formatUsd(value)}`);
  const total = formatUsd(sum(values.map(({ value }) => value)));
  const summary = `${bar.name}: ${total}, ${requestsInWords(bar.requests)}`;
  return series.length > 1 && parts.length > 0 ? `${summary}. ${parts.join(", ")}.` : `${summary}.`;
}

export function requestsInWords(count: number): string {
  return `${formatCount(count)} request${count === 1 ? "" : "s"}`;
}
