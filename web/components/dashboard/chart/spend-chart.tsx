"use client";
// Spend over time as stacked bars. Widths are in percent and heights in pixels, so the layout needs no measuring and never jumps.

import { clsx } from "clsx";
import { type KeyboardEvent, memo, type PointerEvent, useId, useState } from "react";
import { highest, labelEvery, stacked, tickLabels, ticks } from "@/lib/usage/chart";
import { type Bar, type Series, sum } from "@/lib/usage/usage";
import { Fills, Legend } from "./legend";
import { ChartTip, tipInWords } from "./tip";

export const PLOT_HEIGHT = 208;
const BAR_WIDTH = 0.72;
const NAMES_MAX = 8;
const LONG_NAMES_MAX = 3;
const LONG = 8;

export type ChartProps = { label: string; bars: readonly Bar[]; series: readonly Series[] };

export function SpendChart({ label, bars, series }: ChartProps) {
  const id = useId();
  const marks = ticks(most(bars, series));
  const [at, setAt] = useState<number | null>(null);
  const [announced, setAnnounced] = useState("");
  const shown = at !== null && at < bars.length ? at : null;
  const walk = (event: KeyboardEvent) => {
    const next = stepOf(event.key, shown, bars.length);
    if (next === undefined) return;
    event.preventDefault();
    setAt(next);
    setAnnounced(next === null ? "" : tipInWords(bars[next], series, next));
  };
  return (
    <div>
      <div className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3">
        <Axis labels={tickLabels(marks)} />
        {/* biome-ignore lint/a11y/useSemanticElements: a chart is not a fieldset */}
        <div
          role="group"
          aria-label={`${label}. A chart of ${bars.length} bars. Use the arrow keys to read them.`}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move along its bars
          tabIndex={0}
          onKeyDown={walk}
          onBlur={() => setAt(null)}
          onPointerMove={(event) => setAt(barUnder(event, bars.length))}
          onPointerDown={(event) => setAt(barUnder(event, bars.length))}
          onPointerLeave={(event) => event.pointerType === "mouse" && setAt(null)}
          className="relative touch-pan-y rounded-sm"
          style={{ height: PLOT_HEIGHT }}
        >
          <svg aria-hidden="true" width="100%" height={PLOT_HEIGHT} className="block overflow-visible">
            <Fills id={id} count={series.length} />
            {marks.map((mark, index) => (
              <Line key={`${mark}`} y={heightOf(index, marks.length)} ground={index === 0} />
            ))}
            {shown !== null && <Column at={shown} of={bars.length} />}
            <Bars id={id} bars={bars} series={series} top={marks.at(-1) ?? 1n} />
          </svg>
          {shown !== null && <ChartTip id={id} bar={bars[shown]} series={series} at={shown} of={bars.length} />}
        </div>
        <Names bars={bars} />
      </div>
      <p role="status" className="sr-only">
        {announced}
      </p>
      {series.length > 1 && <Legend id={id} series={series} />}
    </div>
  );
}

/** The bar that a key moves to; null closes the tip; undefined if the chart does not handle the key. */
function stepOf(key: string, at: number | null, bars: number): number | null | undefined {
  const last = bars - 1;
  if (bars === 0) return undefined;
  if (key === "ArrowRight") return at === null ? 0 : Math.min(last, at + 1);
  if (key === "ArrowLeft") return at === null ? last : Math.max(0, at - 1);
  if (key === "Home") return 0;
  if (key === "End") return last;
  return key === "Escape" && at !== null ? null : undefined;
}

function barUnder(event: PointerEvent<HTMLElement>, bars: number): number {
  const box = event.currentTarget.getBoundingClientRect();
  return Math.max(0, Math.min(bars - 1, Math.floor(((event.clientX - box.left) / box.width) * bars)));
}

function most(bars: readonly Bar[], series: readonly Series[]): bigint {
  return highest(bars.map((_, at) => sum(series.map(({ values }) => values[at] ?? 0n))));
}

function heightOf(mark: number, marks: number): number {
  return PLOT_HEIGHT - (mark * PLOT_HEIGHT) / (marks - 1);
}

/** The longest label, invisible in the flow, sets the column's width; each label is placed at its line. */
function Axis({ labels }: { labels: readonly string[] }) {
  const longest = labels.reduce((one, other) => (other.length > one.length ? other : one), "");
  return (
    <div aria-hidden="true" className="tabular relative text-xs text-muted" style={{ height: PLOT_HEIGHT }}>
      <span className="invisible">{longest}</span>
      {labels.map((label, mark) => (
        <span key={label} className="absolute right-0 -translate-y-1/2" style={{ top: heightOf(mark, labels.length) }}>
          {label}
        </span>
      ))}
    </div>
  );
}

function Line({ y, ground }: { y: number; ground: boolean }) {
  return (
    <line
      x1="0"
      x2="100%"
      y1={y}
      y2={y}
      stroke={ground ? "var(--line-strong)" : "var(--line)"}
      shapeRendering="crispEdges"
    />
  );
}

function Column({ at, of }: { at: number; of: number }) {
  return <rect x={`${(100 * at) / of}%`} y={0} width={`${100 / of}%`} height={PLOT_HEIGHT} fill="var(--sunken)" />;
}

type BarsProps = { id: string; bars: readonly Bar[]; series: readonly Series[]; top: bigint };

const Bars = memo(function Bars({ id, bars, series, top }: BarsProps) {
  const slot = 100 / bars.length;
  return bars.map((bar, at) => {
    const boxes = stacked(
      series.map(({ values }) => values[at] ?? 0n),
      top,
      PLOT_HEIGHT,
    );
    return boxes.map(({ y, height }, index) =>
      height > 0 ? (
        <rect
          key={`${bar.at} ${series[index]?.id}`}
          x={`${(at + (1 - BAR_WIDTH) / 2) * slot}%`}
          width={`${BAR_WIDTH * slot}%`}
          y={y}
          height={height}
          fill={`url(#${id}-${index})`}
        />
      ) : null,
    );
  });
});

/** The labels under the bars, fewer on a narrow page; the last one is always shown, and stays within the plot. */
function Names({ bars }: { bars: readonly Bar[] }) {
  const long = bars.some(({ short }) => short.length > LONG);
  const every = labelEvery(bars.length, long ? LONG_NAMES_MAX : NAMES_MAX);
  return (
    <div aria-hidden="true" className="tabular relative col-start-2 h-6 text-xs text-muted">
      {bars.map((bar, at) => {
        const back = bars.length - 1 - at;
        if (back % every !== 0) return null;
        const atEnd = back === 0 && every > 1;
        return (
          <span
            key={bar.at}
            className={clsx(
              "absolute top-1.5 whitespace-nowrap",
              atEnd ? "right-0" : "-translate-x-1/2",
              back % (2 * every) !== 0 && "max-sm:hidden",
            )}
            style={atEnd ? {} : { left: `${(100 * (at + 0.5)) / bars.length}%` }}
          >
            {bar.short}
          </span>
        );
      })}
    </div>
  );
}
