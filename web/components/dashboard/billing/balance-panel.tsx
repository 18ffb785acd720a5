"use client";

import { clsx } from "clsx";
import type { ReactNode } from "react";
import { Amount } from "@/components/ui/amount";
import { Instant } from "@/components/ui/instant";
import { Loaded, Panel, Skeleton } from "@/components/ui/panel";
import { useAccount, useBalance } from "@/lib/api/queries";

/** The available balance, the amount held by open requests, and, for a frozen account, the reasons. */
export function BalancePanel({ title = "Balance", children }: { title?: string; children?: ReactNode }) {
  const balance = useBalance();
  return (
    <Panel title={title}>
      <Loaded query={balance} skeleton={<Skeleton className="h-15 w-64 max-w-full" />}>
        {(data) => (
          <dl className="flex flex-wrap gap-x-10 gap-y-4">
            <Figure name="Available">
              <Amount nanos={data.available_nanos} rounding="down" />
            </Figure>
            <Figure name="Held by open requests" muted>
              <Amount nanos={data.held_nanos} />
            </Figure>
          </dl>
        )}
      </Loaded>
      {children}
      <Frozen />
    </Panel>
  );
}

function Figure({ name, muted = false, children }: { name: string; muted?: boolean; children: ReactNode }) {
  return (
    <div>
      <dt className="text-sm text-muted">{name}</dt>
      <dd className={clsx("text-3xl font-semibold tracking-tight", muted && "text-muted")}>{children}</dd>
    </div>
  );
}

const CAUSES: Record<string, string> = {
  negative_balance: "The balance is below zero. Add credit to send requests again.",
  operator: "The operator has frozen this account.",
};

/** Says that the account is frozen, and why; renders nothing otherwise. The balance reports a freeze first. */
export function Frozen() {
  const account = useAccount();
  const balance = useBalance();
  const frozen = account.data?.frozen ?? [];
  if (!(balance.data?.frozen ?? frozen.length > 0)) return null;
  return (
    <div role="alert" className="mt-4 rounded-lg bg-danger-soft px-4 py-3 text-sm text-danger">
      <p className="font-medium">This account cannot send requests.</p>
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
