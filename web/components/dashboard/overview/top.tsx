"use client";

import { requestsInWords } from "@/components/dashboard/chart/tip";
import { Amount } from "@/components/ui/amount";
import { Link } from "@/components/ui/link";
import { Empty, Loaded, Panel, Skeleton } from "@/components/ui/panel";
import { useKeyNames, useUsage } from "@/lib/api/queries";
import { nanos } from "@/lib/money";
import { formatShare, percentOf } from "@/lib/usage/chart";
import { type Span, sorted, spentIn, type UsageGroup } from "@/lib/usage/usage";

const ROWS_MAX = 5;

/** The models, or the keys, with the highest spend. */
export function OverviewTop({ by, span }: { by: "model" | "key"; span: Span }) {
  const query = useUsage({ ...span, by });
  const keyName = useKeyNames();
  const all = (
    <Link href={`/dashboard/usage?by=${by}`} className="text-sm font-medium text-accent hover:underline">
      All {by}s
    </Link>
  );
  return (
    <Panel title={`Top ${by}s`} actions={all}>
      <div className="flex flex-col gap-4">
        <Loaded
          query={query}
          skeleton={<TopSkeleton />}
          isEmpty={({ data }) => data.length === 0}
          empty={<Empty title={`No ${by} was used in this period`} />}
        >
          {({ data }) => (
            <ol className="space-y-4">
              {sorted(data, "cost", "desc")
                .slice(0, ROWS_MAX)
                .map((row) => (
                  <Share
                    key={row.group}
                    row={row}
                    whole={spentIn(data)}
                    name={by === "key" ? keyName(row.group) : row.group}
                    href={`/dashboard/usage?${new URLSearchParams({ by: "day", [by]: row.group })}`}
                  />
                ))}
            </ol>
          )}
        </Loaded>
      </div>
    </Panel>
  );
}

type ShareProps = { row: UsageGroup; whole: bigint; name: string; href: string };

function Share({ row, whole, name, href }: ShareProps) {
  const cost = nanos(row.cost_nanos);
  return (
    <li>
      <div className="flex items-baseline justify-between gap-4 text-sm">
        <Link href={href} title={row.group} className="min-w-0 truncate font-medium hover:underline">
          {name}
        </Link>
        <span className="font-medium">
          <Amount nanos={cost} />
        </span>
      </div>
      <div aria-hidden="true" className="mt-1.5 h-1.5 overflow-hidden rounded-full bg-sunken">
        <div
          className={cost > 0n ? "h-full min-w-1 rounded-full bg-series-1" : ""}
          style={{ width: `${percentOf(cost, whole)}%` }}
        />
      </div>
      <div className="tabular mt-1 flex justify-between gap-4 text-xs text-muted">
        <span>{requestsInWords(row.requests)}</span>
        <span>{formatShare(cost, whole)} of spend</span>
      </div>
    </li>
  );
}

function TopSkeleton() {
  return (
    <div className="space-y-4">
      <Skeleton className="h-12" />
      <Skeleton className="h-12" />
      <Skeleton className="h-12" />
    </div>
  );
}
