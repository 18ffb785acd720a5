"use client";
// One request's money as a bar: the hold, the charge, and what is returned.

import { clsx } from "clsx";
import { formatUsdExact, nanos } from "@/lib/money";

export type Money = {
  state: "open" | "debited" | "released";
  hold: bigint;
  /** Null while the request is open. */
  cost: bigint | null;
  returned: bigint | null;
};
type Amounts = {
  state: string;
  hold_nanos: string;
  cost_nanos: string | null;
  returned_nanos: string | null;
};

const PERMILLE = 1_000n;

export function moneyOf(request: Amounts): Money {
  const state = request.state === "open" || request.state === "released" ? request.state : "debited";
  const amount = (text: string | null) => (text === null ? null : nanos(text));
  return {
    state,
    hold: nanos(request.hold_nanos),
    cost: amount(request.cost_nanos),
    returned: amount(request.returned_nanos),
  };
}

/** `money` is null while nothing is held yet. */
export function MoneyBar({ money }: { money: Money | null }) {
  const charged = money?.cost ?? null;
  return (
    <div className="@container space-y-3">
      <div aria-hidden="true" className="flex h-3 gap-0.5 overflow-hidden rounded-full bg-sunken">
        {money?.state === "open" && <div className="w-full animate-pulse bg-accent/40" />}
        {charged !== null && charged > 0n && money && (
          <div
            className={clsx("min-w-1.5 transition-[width] duration-500", overran(money) ? "bg-danger" : "bg-accent")}
            style={{ width: share(charged, money) }}
          />
        )}
        {charged !== null && <div className="flex-1 border-y border-accent/40 bg-accent-soft" />}
      </div>
      <dl className="grid gap-x-3 gap-y-1 text-sm @md:grid-cols-3">
        <Figure name="Hold" amount={money?.hold ?? null} mark="bg-accent/40" />
        <Figure
          name="Charge"
          amount={charged}
          mark={money && overran(money) ? "bg-danger" : "bg-accent"}
          waiting={money !== null}
        />
        <Figure
          name="Return"
          amount={money?.returned ?? null}
          mark="bg-accent-soft border border-accent/40"
          waiting={money !== null}
        />
      </dl>
    </div>
  );
}

type FigureProps = { name: string; amount: bigint | null; mark: string; waiting?: boolean };

function Figure({ name, amount, mark, waiting = false }: FigureProps) {
  return (
    <div className="flex min-w-0 justify-between gap-3 @md:block">
      <dt className="flex items-center gap-1.5 text-muted">
        <span aria-hidden="true" className={clsx("size-2 shrink-0 rounded-full", mark)} />
        {name}
      </dt>
      <dd className="tabular font-medium whitespace-nowrap @md:mt-0.5">
        {amount === null ? <span className="text-muted">{waiting ? "…" : "–"}</span> : formatUsdExact(amount)}
      </dd>
    </div>
  );
}

function overran({ hold, cost }: Money): boolean {
  return cost !== null && cost > hold;
}

function share(part: bigint, { hold }: Money): string {
  if (part >= hold) return "100%";
  const permille = Number((part * PERMILLE) / hold); // a width, not an amount
  return `${permille / 10}%`;
}
