// The fills of a chart's series, a colour and a pattern each, and their legend in stacking order.

import type { ReactNode } from "react";
import type { Series } from "@/lib/usage/usage";

const TILE = 6;
const LINE = { stroke: "var(--surface)", strokeWidth: 1.25, strokeOpacity: 0.45 };
const PATTERNS: ReactNode[] = [
  null,
  <path key="rising" d="M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2" {...LINE} />,
  <circle key="dots" cx={3} cy={3} r={1.2} fill="var(--surface)" fillOpacity={0.5} />,
  <path key="level" d="M0,3 h6" {...LINE} />,
  <path key="falling" d="M-1,5 l2,2 M0,0 l6,6 M5,-1 l2,2" {...LINE} />,
];

/** The fills of a chart, as `url(#id-0)`, `url(#id-1)`, ... */
export function Fills({ id, count }: { id: string; count: number }) {
  return (
    <defs>
      {PATTERNS.slice(0, count).map((pattern, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a fill is identified by its position
        <pattern key={at} id={`${id}-${at}`} width={TILE} height={TILE} patternUnits="userSpaceOnUse">
          <rect width={TILE} height={TILE} fill={`var(--series-${at + 1})`} />
          {pattern}
        </pattern>
      ))}
    </defs>
  );
}

export function Swatch({ id, at }: { id: string; at: number }) {
  return (
    <svg aria-hidden="true" className="size-3 shrink-0 rounded-xs">
      <rect width="12" height="12" fill={`url(#${id}-${at})`} />
    </svg>
  );
}

export function Legend({ id, series }: { id: string; series: readonly Series[] }) {
  return (
    <ul className="mt-4 flex flex-wrap gap-x-5 gap-y-2 text-sm text-muted">
      {series.map(({ id: key, name }, at) => (
        <li key={key} className="flex min-w-0 items-center gap-2">
          <Swatch id={id} at={at} />
          <span className="truncate">{name}</span>
        </li>
      ))}
    </ul>
  );
}
