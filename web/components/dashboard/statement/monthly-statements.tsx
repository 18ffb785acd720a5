"use client";

import { useMutation } from "@tanstack/react-query";
import { Download, ExternalLink } from "lucide-react";
import { useState } from "react";
import { Badge } from "@/components/ui/badge";
import { Button, buttonClass } from "@/components/ui/button";
import { Empty, Loaded, NotDone, Panel, SkeletonRows, Waiting } from "@/components/ui/panel";
import { answered, api } from "@/lib/api/client";
import { useAccount } from "@/lib/api/queries";
import { useHour } from "@/lib/clock";
import { download } from "@/lib/files/download";
import { monthsSince, statementHref } from "@/lib/statement/documents";
import { formatMonth } from "@/lib/time";

const MONTHS_SHOWN = 6;

/** A statement for each month. `nothing`: the account has no transactions yet; null while that is unknown. */
export function MonthlyStatements({ nothing }: { nothing: boolean | null }) {
  const account = useAccount();
  const skeleton = <SkeletonRows rows={3} />;
  return (
    <Panel title="Monthly statements" flush>
      <Loaded query={account} skeleton={skeleton} isEmpty={() => nothing === true} empty={<NoneYet />}>
        {({ created_at }) => (nothing === null ? <Waiting>{skeleton}</Waiting> : <Months openedAt={created_at} />)}
      </Loaded>
    </Panel>
  );
}

function Months({ openedAt }: { openedAt: string }) {
  const [all, setAll] = useState(false);
  const now = useHour();
  const months = monthsSince(openedAt, now);
  const running = monthsSince(now.toISOString(), now)[0];
  const shown = all ? months : months.slice(0, MONTHS_SHOWN);
  return (
    <>
      <ul className="divide-y">
        {shown.map((month) => (
          <Month key={month} month={month} running={month === running} />
        ))}
      </ul>
      {shown.length < months.length && (
        <p className="border-t px-4 py-2 sm:px-5">
          <Button look="quiet" size="small" className="-ml-2.5" onClick={() => setAll(true)}>
            Show all {months.length} months
          </Button>
        </p>
      )}
      <p className="border-t px-4 py-3 text-sm text-muted sm:px-5">
        Opening and closing balance, usage by model, and every credit. Ready to print or save as PDF. Months in UTC.
      </p>
    </>
  );
}

function Month({ month, running }: { month: string; running: boolean }) {
  const name = formatMonth(month);
  const saving = useMutation({
    mutationFn: () => {
      const params = { path: { month }, query: { format: "html" as const } };
      return answered(api.GET("/api/statements/{month}", { params, parseAs: "text" }));
    },
    onSuccess: (page) => download(`realrouter-statement-${month}.html`, page, "text/html"),
  });
  return (
    <li className="px-4 py-2 sm:px-5">
      <div className="flex min-h-8 items-center justify-between gap-3">
        <span className="flex min-w-0 flex-wrap items-center gap-x-2 text-sm">
          {name} {running && <Badge>To date</Badge>}
        </span>
        <span className="flex shrink-0 gap-2">
          <a href={statementHref(month)} target="_blank" rel="noopener" className={buttonClass("secondary", "small")}>
            Open<span className="sr-only"> the statement for {name} in a new tab</span>
            <ExternalLink aria-hidden="true" className="size-4" />
          </a>
          <Button
            look="secondary"
            size="small"
            busy={saving.isPending}
            aria-label={`Download the statement for ${name}`}
            title={`Download the statement for ${name}`}
            onClick={() => saving.mutate()}
          >
            {!saving.isPending && <Download aria-hidden="true" className="size-4" />}
          </Button>
        </span>
      </div>
      <span role="status" className="sr-only">
        {saving.isSuccess && `The statement for ${name} has been downloaded.`}
      </span>
      {saving.error && <NotDone error={saving.error} retry={() => saving.mutate()} busy={saving.isPending} />}
    </li>
  );
}

function NoneYet() {
  return (
    <Empty title="No statements yet">
      Once you have credit, every month has a statement: opening and closing balance, usage by model, and every credit.
    </Empty>
  );
}
