"use client";
// Everything about one request: its money, cost lines and usage, and its events on the ledger.

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

/** Open while `id` is set; its content stays visible while it closes. */
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
      <Empty title="Request not found">
        This account has no request or response with the ID <code className="font-mono break-all">{id}</code>. It may
        belong to another account, or the request may have been refused before its hold.
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
      <Part title="Money" aside={<StateBadge state={moneyOf(request).state} label={detailInWords(request)} />}>
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
          title="Show the response of GET /api/requests/{id}"
          className="mt-3 text-sm"
          titleClass="w-fit text-muted hover:text-text"
        >
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable with the keyboard */}
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
      {request.state === "open" && <p>In flight. It is charged when its response completes, and released otherwise.</p>}
      {request.state === "released" && <p>Nothing was charged: the whole hold was returned.</p>}
      {delivered > 0n && (
        <p>
          The part that was delivered was free. It would have cost <ExactAmount nanos={delivered} />.
        </p>
      )}
      {overrun > 0n && (
        <p className="text-danger">
          The cost exceeded the hold by <ExactAmount nanos={overrun} />. It was charged in full.
        </p>
      )}
      {request.estimated && <p>Estimated: the provider reported no usage, so the gateway counted it.</p>}
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
