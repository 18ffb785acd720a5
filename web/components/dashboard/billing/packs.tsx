"use client";

import { useMutation } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { FormError } from "@/components/ui/form-error";
import { Empty, Loaded, Panel, Skeleton } from "@/components/ui/panel";
import { answered, api } from "@/lib/api/client";
import { type Pack, usePacks } from "@/lib/api/queries";
import { extraOf, formatPrice, Intent } from "@/lib/billing/packs";
import { formatUsd, nanos } from "@/lib/money";

const GRID = "grid grid-cols-[repeat(auto-fill,minmax(min(100%,12.5rem),1fr))] gap-3";

/** The packs for sale. The payment itself happens on the payment service's page. */
export function Packs() {
  const packs = usePacks();
  return (
    <Panel title="Add credit">
      <Loaded
        query={packs}
        skeleton={
          <>
            <div className={GRID}>
              <Skeleton className="h-40" />
              <Skeleton className="h-40" />
            </div>
            <Skeleton className="mt-4 h-10" />
          </>
        }
        isEmpty={(data) => data.length === 0}
        empty={<Empty title="No credit is sold here">Ask this gateway's operator for credit.</Empty>}
      >
        {(data) => <Choices packs={data} />}
      </Loaded>
    </Panel>
  );
}

type Wanted = { pack: string; save: boolean };

function Choices({ packs }: { packs: readonly Pack[] }) {
  const [save, setSave] = useState(false);
  const buy = useCheckoutBegin();
  const leaving = buy.isPending || buy.isSuccess;
  return (
    <div className="space-y-4">
      <FormError message={buy.error?.message ?? null} />
      <ul className={GRID}>
        {packs.map((pack) => (
          <li key={pack.id} className="flex flex-col rounded-lg border p-4">
            <h3 className="text-sm text-muted">{pack.name}</h3>
            <p className="mt-1 flex flex-wrap items-center gap-x-2 gap-y-1">
              <span className="tabular text-2xl font-semibold tracking-tight">
                {formatUsd(nanos(pack.credit_nanos))}
              </span>
              <Extra pack={pack} />
            </p>
            <p className="mt-0.5 mb-4 text-sm text-muted">
              of credit for <span className="tabular text-text">{formatPrice(pack.price, pack.currency)}</span>
            </p>
            <Button
              className="mt-auto w-full"
              busy={leaving && buy.variables?.pack === pack.id}
              disabled={leaving && buy.variables?.pack !== pack.id}
              aria-label={`Buy ${pack.name} for ${formatPrice(pack.price, pack.currency)}`}
              onClick={() => buy.mutate({ pack: pack.id, save })}
            >
              Buy
            </Button>
          </li>
        ))}
      </ul>
      <label className="flex min-h-10 items-center gap-2.5 text-sm">
        <input
          type="checkbox"
          checked={save}
          disabled={leaving}
          onChange={(event) => setSave(event.target.checked)}
          className="size-4 shrink-0 accent-accent"
        />
        <span>
          Save the payment method for automatic top-up.{" "}
          <span className="text-muted">It is charged only if you switch automatic top-up on.</span>
        </span>
      </label>
    </div>
  );
}

function Extra({ pack }: { pack: Pack }) {
  const extra = extraOf(pack);
  if (extra === null || extra === 0n) return null;
  return extra > 0n ? (
    <Badge tone="good">{formatUsd(extra)} bonus</Badge>
  ) : (
    <Badge tone="warning">{formatUsd(-extra)} fee</Badge>
  );
}

/** Starts a checkout and opens its payment page. After returning with the browser's Back button, the user can start another. */
function useCheckoutBegin() {
  const [intent] = useState(() => new Intent());
  const begin = useMutation({
    mutationFn: ({ pack, save }: Wanted) =>
      answered(
        api.POST("/api/checkout", {
          body: { pack, save_payment_method: save },
          headers: { "Idempotency-Key": intent.keyFor(`${pack} ${save}`) },
        }),
      ),
    onSuccess: ({ url }) => window.location.assign(url),
    onSettled: (_opened, error) => intent.answered(error),
  });
  const { reset } = begin;
  useEffect(() => {
    const shown = (event: PageTransitionEvent) => event.persisted && reset();
    window.addEventListener("pageshow", shown);
    return () => window.removeEventListener("pageshow", shown);
  }, [reset]);
  return begin;
}
