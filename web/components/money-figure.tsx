// How a request's money moves, with the figures of the quickstart on the demo (lib/example.json, which a test checks).

import type { ReactNode } from "react";
import example from "@/lib/example.json";
import { formatUsdExact, nanos } from "@/lib/money";
import { formatCount } from "@/lib/time";

const BEFORE = nanos(example.balance_nanos);
const HOLD = nanos(example.hold_nanos);
const COST = nanos(example.cost_nanos);
const RETURNED = HOLD - COST;
const PERCENT = 100n;

type Step = { title: string; amount: bigint; text: ReactNode; available: bigint; held: bigint; charged: boolean };

const STEPS: Step[] = [
  {
    title: "Hold",
    amount: HOLD,
    text: "Before a provider is called, the most that the request can cost is held.",
    available: BEFORE - HOLD,
    held: HOLD,
    charged: false,
  },
  {
    title: "Charge",
    amount: COST,
    text: <Arithmetic />,
    available: BEFORE - HOLD,
    held: RETURNED,
    charged: true,
  },
  {
    title: "Return",
    amount: RETURNED,
    text: "The rest is returned in the same event. If a request fails, the whole hold is returned.",
    available: BEFORE - COST,
    held: 0n,
    charged: true,
  },
];

export function MoneyFigure() {
  return (
    <figure className="rounded-xl border bg-surface">
      <figcaption className="border-b px-4 py-3 text-sm text-muted sm:px-5">
        The quickstart's request to <code className="font-mono text-text">{example.model}</code>, from a balance of{" "}
        {formatUsdExact(BEFORE)}
      </figcaption>
      <ol className="@container grid divide-y md:grid-cols-3 md:divide-x md:divide-y-0">
        {STEPS.map((step, at) => (
          <li key={step.title} className="flex min-w-0 flex-col gap-3 p-4 sm:p-5">
            <p className="flex items-center gap-2 text-sm font-medium">
              <span className="grid size-5 place-items-center rounded-full bg-accent-soft text-xs text-accent-strong">
                {at + 1}
              </span>
              {step.title}
            </p>
            <p className="tabular text-xl font-semibold tracking-tight">{formatUsdExact(step.amount)}</p>
            <div className="text-sm text-muted md:min-h-16">{step.text}</div>
            <Bar held={step.held} charged={step.charged ? COST : 0n} />
            <dl className="tabular grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
              <dt className="text-muted">Available</dt>
              <dd className="text-right">{formatUsdExact(step.available)}</dd>
              <dt className="text-muted">Held</dt>
              <dd className="text-right">{formatUsdExact(step.held)}</dd>
            </dl>
          </li>
        ))}
      </ol>
    </figure>
  );
}

function Arithmetic() {
  return (
    <ul>
      {example.lines.map(({ kind, quantity, price }) => (
        <li key={kind} className="tabular">
          {formatCount(quantity)} {kind} × ${price}
        </li>
      ))}
    </ul>
  );
}

/** The hold as a bar: the charge, and what is still held. A charge is always wide enough to be seen. */
function Bar({ held, charged }: { held: bigint; charged: bigint }) {
  return (
    <div aria-hidden="true" className="flex h-2 gap-px overflow-hidden rounded-full bg-sunken">
      {charged > 0n && <div className="min-w-1.5 bg-accent" style={{ width: share(charged) }} />}
      {held > 0n && <div className="bg-accent/35" style={{ width: share(held) }} />}
    </div>
  );
}

function share(part: bigint): string {
  return `${(part * PERCENT) / HOLD}%`;
}
