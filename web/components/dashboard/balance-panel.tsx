"use client";

import { useAccount, useBalance } from "@/lib/queries";
import { Amount } from "../ui/amount";
import { Instant } from "../ui/instant";
import { Loaded, Panel, Skeleton } from "../ui/panel";

/** What may be spent, what open requests hold, and why the account is frozen where it is. */
export function BalancePanel({ title = "Balance" }: { title?: string }) {
  const balance = useBalance();
  return (
    <Panel title={title}>
      <Loaded query={balance} skeleton={<Skeleton className="h-15 w-64" />}>
        {(data) => (
          <dl className="flex flex-wrap gap-x-12 gap-y-4" aria-live="polite">
            <div>
              <dt className="text-sm text-muted">Available</dt>
              <dd className="text-3xl font-semibold tracking-tight">
                <Amount nanos={data.available_nanos} rounding="down" />
              </dd>
            </div>
            <div>
              <dt className="text-sm text-muted">Held by open requests</dt>
              <dd className="text-3xl font-semibold tracking-tight text-muted">
                <Amount nanos={data.held_nanos} />
              </dd>
            </div>
          </dl>
        )}
      </Loaded>
      <Frozen />
    </Panel>
  );
}

const CAUSES: Record<string, string> = {
  negative_balance: "The balance is below zero. Add credit, and requests go through again.",
  operator: "The operator has frozen this account.",
};

/** Says that no requests are taken, and why. Nothing where they are. */
export function Frozen() {
  const account = useAccount();
  const frozen = account.data?.frozen ?? [];
  if (frozen.length === 0) return null;
  return (
    <div role="alert" className="mt-4 rounded-lg bg-danger-soft px-4 py-3 text-sm text-danger">
      <p className="font-medium">This account takes no requests.</p>
      <ul className="mt-1 space-y-1">
        {frozen.map((freeze) => (
          <li key={freeze.cause}>
            {CAUSES[freeze.cause] ?? freeze.reason} Since <Instant at={freeze.at} />.
          </li>
        ))}
      </ul>
    </div>
  );
}
