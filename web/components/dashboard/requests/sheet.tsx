"use client";
// One request, whole: money, cost, what it used, and the events of the ledger that say so.

import { type ReactNode, useState } from "react";
import { SignedReceipt } from "@/components/dashboard/statement/signed-receipt";
import { ExactAmount } from "@/components/ui/amount";
import { CopyButton } from "@/components/ui/copy";
import { Dialog } from "@/components/ui/dialog";
import { Disclosure } from "@/components/ui/disclosure";
import { Instant } from "@/components/ui/instant";
import { Empty, Loaded, Skeleton } from "@/components/ui/panel";
import { ApiError } from "@/lib/api/client";
import { type RequestDetail, useRequest } from "@/lib/api/queries";
import { nanos } from "@/lib/money";
import { detailInWords, topicInWords } from "@/lib/requests/words";
import { formatCount } from "@/lib/time";
import { RequestCost } from "./cost";
import { RequestFacts } from "./facts";
import { MoneyBar, moneyOf } from "./money-bar";
import { StateBadge } from "./table";

/** Open where there is an id; what it showed stays while it closes. */
export function RequestSheet({ id, onClose }: { id: string | null; onClose: () => void }) {
  const [shown, setShown] = useState(id);
  if (id !== null && id !== shown) setShown(id);
  return (
    <Dialog
      side
      open={id !== null}
      onOpenChange={(open) => !open && onClose()}
      title="Request"
      description={<code className="font-mono text-xs break-all">{shown}</code>}
    >
      {shown && <Content id={shown} />}
    </Dialog>
  );
}

function Content({ id }: { id: string }) {
  const query = useRequest(id);
  if (query.data === undefined && query.error instanceof ApiError && query.error.status === 404) {
    return (
      <Empty title="No request has this id">
        This account has no request, and no answer, named <code className="font-mono break-all">{id}</code>. It may
        belong to another account, or have been refused before anything was held.
      </Empty>
    );
  }
  return (
    <Loaded query={query} skeleton={<SheetSkeleton />}>
      {(request) => <Request request={request} />}
    </Loaded>
  );
}

function Request({ request }: { request: RequestDetail }) {
  return (
    <div className="space-y-7">
      <Part title="Money" aside={<StateBadge state={moneyOf(request).state} said={detailInWords(request)} />}>
        <MoneyBar money={moneyOf(request)} />
        <Remarks request={request} />
      </Part>
      {request.lines.length > 0 && (
        <Part title="Cost">
          <RequestCost request={request} />
        </Part>
      )}
      <Part title="Details">
        <RequestFacts request={request} />
      </Part>
      <Part title="Events on the ledger">
        <Events events={request.events} />
      </Part>
      <Part
        title="Receipt"
        aside={
          <CopyButton text={() => `${JSON.stringify(request, null, 2)}\n`} label="Copy as JSON: the request">
            Copy as JSON
          </CopyButton>
        }
      >
        {request.state !== "open" && <SignedReceipt id={request.id} />}
        <Disclosure
          title="Show what GET /api/requests/{id} answers"
          className="mt-3 text-sm"
          titleClass="w-fit text-muted hover:text-text"
        >
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
          <pre tabIndex={0} className="mt-2 max-h-80 overflow-auto rounded-lg border bg-sunken p-3 font-mono text-xs">
            {JSON.stringify(request, null, 2)}
          </pre>
        </Disclosure>
      </Part>
    </div>
  );
}

function Remarks({ request }: { request: RequestDetail }) {
  const overrun = request.overrun_nanos === null ? 0n : nanos(request.overrun_nanos);
  const delivered = request.delivered_nanos === null ? 0n : nanos(request.delivered_nanos);
  return (
    <div className="mt-3 space-y-1 text-sm text-muted">
      {request.state === "open" && <p>In flight. It is settled when its answer is complete, or released.</p>}
      {request.state === "released" && <p>Nothing was charged: the whole hold went back.</p>}
      {delivered > 0n && (
        <p>
          What had been delivered was free. It would have cost <ExactAmount nanos={delivered} />.
        </p>
      )}
      {overrun > 0n && (
        <p className="text-danger">
          The provider used <ExactAmount nanos={overrun} /> more than was held. It was charged in full.
        </p>
      )}
      {request.estimated && <p>Estimated: the provider told no usage, so it was counted here.</p>}
    </div>
  );
}

function Events({ events }: { events: RequestDetail["events"] }) {
  return (
    <ol className="divide-y text-sm">
      {events.map((event) => (
        <li key={event.position} className="flex flex-wrap items-baseline justify-between gap-x-4 py-2 first:pt-0">
          <span>
            {topicInWords(event.topic)}
            <code className="block font-mono text-xs text-muted">{event.topic}</code>
          </span>
          <span className="tabular text-right">
            <Instant at={event.at} withSeconds />
            <span className="block text-xs text-muted">Position {formatCount(event.position)}</span>
          </span>
        </li>
      ))}
    </ol>
  );
}

function Part({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <div className="mb-2.5 flex min-h-8 items-center justify-between gap-4">
        <h3 className="text-sm font-semibold">{title}</h3>
        {aside}
      </div>
      {children}
    </section>
  );
}

function SheetSkeleton() {
  return (
    <div className="space-y-7">
      <Skeleton className="h-24 w-full" />
      <Skeleton className="h-40 w-full" />
      <Skeleton className="h-64 w-full" />
    </div>
  );
}
