import { formatUsd, formatUsdExact } from "@/lib/money";

type MoneyBarProps = { hold: bigint; cost: bigint | null; returned: bigint | null };

/** What was held, what of it is charged, what went back. `cost` null: the request is still open. */
export function MoneyBar({ hold, cost, returned }: MoneyBarProps) {
  const share = cost === null || hold <= 0n ? 0 : Math.min(100, Number((cost * 1000n) / hold) / 10);
  return (
    <div>
      <div aria-hidden="true" className="h-2.5 overflow-hidden rounded-full bg-accent-soft">
        <div
          className={
            cost === null
              ? "h-full w-full animate-pulse bg-accent/40"
              : "h-full min-w-0.5 rounded-full bg-accent transition-[width]"
          }
          style={cost === null ? undefined : { width: `${share}%` }}
        />
      </div>
      <dl className="mt-3 grid grid-cols-3 gap-3 text-sm">
        <Part name="Held" amount={hold} />
        <Part name="Charged" amount={cost} />
        <Part name="Returned" amount={returned} />
      </dl>
    </div>
  );
}

function Part({ name, amount }: { name: string; amount: bigint | null }) {
  return (
    <div>
      <dt className="text-muted">{name}</dt>
      <dd className="tabular font-medium" title={amount === null ? undefined : formatUsdExact(amount)}>
        {amount === null ? "…" : formatUsd(amount)}
      </dd>
    </div>
  );
}
