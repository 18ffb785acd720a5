"use client";

import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answered, api } from "@/lib/api";
import { formatPrice } from "@/lib/checkout";
import { formatUsd, nanos } from "@/lib/money";
import { type Pack, usePacks } from "@/lib/queries";
import { Button } from "../ui/button";
import { FormError } from "../ui/form-error";
import { Empty, Loaded, Panel, Skeleton } from "../ui/panel";

/** What can be bought. The payment itself happens on the payment service's page. */
export function Packs() {
  const packs = usePacks();
  return (
    <Panel title="Add credit">
      <Loaded
        query={packs}
        skeleton={
          <div className="space-y-3">
            <Skeleton className="h-16" />
            <Skeleton className="h-16" />
          </div>
        }
        isEmpty={(data) => data.length === 0}
        empty={<Empty title="Nothing is sold here">This gateway has no checkout. Ask its operator for credit.</Empty>}
      >
        {(data) => <Choices packs={data} />}
      </Loaded>
    </Panel>
  );
}

function Choices({ packs }: { packs: readonly Pack[] }) {
  const [save, setSave] = useState(false);
  const buy = useMutation({
    mutationFn: ({ pack, key }: { pack: string; key: string }) =>
      answered(
        api.POST("/api/checkout", {
          body: { pack, save_payment_method: save },
          headers: { "Idempotency-Key": key },
        }),
      ),
    onSuccess: ({ url }) => window.location.assign(url),
  });
  return (
    <div className="space-y-3">
      <FormError message={buy.error?.message ?? null} />
      <ul className="space-y-3">
        {packs.map((pack) => (
          <li key={pack.id} className="flex items-center justify-between gap-4 rounded-lg border px-4 py-3">
            <div className="min-w-0">
              <p className="font-medium">{pack.name}</p>
              <p className="text-sm text-muted">
                {formatUsd(nanos(pack.credit_nanos))} of credit for {formatPrice(pack.price, pack.currency)}
              </p>
            </div>
            <Button
              busy={(buy.isPending || buy.isSuccess) && buy.variables.pack === pack.id}
              disabled={buy.isPending && buy.variables.pack !== pack.id}
              aria-label={`Buy ${pack.name} for ${formatPrice(pack.price, pack.currency)}`}
              onClick={() => buy.mutate({ pack: pack.id, key: crypto.randomUUID() })}
            >
              Buy
            </Button>
          </li>
        ))}
      </ul>
      <label className="flex items-start gap-2.5 text-sm">
        <input
          type="checkbox"
          checked={save}
          onChange={(event) => setSave(event.target.checked)}
          className="mt-0.5 size-4 accent-accent"
        />
        <span>
          Save the payment method <span className="text-muted">so that automatic top-up can use it</span>
        </span>
      </label>
    </div>
  );
}
