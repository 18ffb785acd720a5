"use client";

import { useQueryClient } from "@tanstack/react-query";
import { clsx } from "clsx";
import { CircleAlert, CircleCheck, X } from "lucide-react";
import { useEffect, useState } from "react";
import { type CheckoutView, checkoutView, POLL_MS } from "@/lib/checkout";
import { formatUsd, nanos } from "@/lib/money";
import { type Checkout, KEYS, refresh, useCheckout } from "@/lib/queries";
import { Spinner } from "../ui/button";
import { Failed } from "../ui/panel";

const TONES = {
  waiting: "border-line bg-surface",
  neutral: "border-line bg-surface",
  good: "border-transparent bg-accent-soft text-accent-strong",
  bad: "border-transparent bg-danger-soft text-danger",
};

type CheckoutReturnProps = { checkoutId: string; left: boolean; onClose: () => void };

/** Back from the payment page: waits until the payment is credited, or says why it is not. */
export function CheckoutReturn({ checkoutId, left, onClose }: CheckoutReturnProps) {
  const [began] = useState(() => Date.now());
  const client = useQueryClient();
  const seen = (checkout: Checkout) =>
    checkoutView(checkout, formatUsd(nanos(checkout.credit_nanos)), left, Date.now() - began);
  const query = useCheckout(checkoutId, (checkout) => (checkout && seen(checkout).done ? false : POLL_MS));
  const paid = query.data?.state === "paid";
  useEffect(() => {
    if (paid) refresh(client, KEYS.balance, KEYS.transactions, KEYS.account, KEYS.automatic);
  }, [paid, client]);
  if (query.isError && !query.data) {
    return (
      <section aria-label="Payment" className="rounded-xl border bg-surface">
        <Failed error={query.error} retry={() => query.refetch()} busy={query.isFetching} />
      </section>
    );
  }
  const view: CheckoutView = query.data
    ? seen(query.data)
    : { tone: "waiting", title: "Looking up the payment…", text: "", done: false };
  return (
    <section
      aria-label="Payment"
      className={clsx("flex items-start gap-3 rounded-xl border px-4 py-4 sm:px-5", TONES[view.tone])}
    >
      <span className="mt-1 shrink-0">
        <Sign tone={view.tone} />
      </span>
      <div role="status" className="min-w-0 flex-1 text-sm">
        <p className="font-semibold">{view.title}</p>
        <p>{view.text}</p>
      </div>
      {view.done && (
        <button
          type="button"
          aria-label="Close this message"
          onClick={onClose}
          className="grid size-9 place-items-center rounded-lg"
        >
          <X aria-hidden="true" className="size-4.5" />
        </button>
      )}
    </section>
  );
}

function Sign({ tone }: { tone: CheckoutView["tone"] }) {
  if (tone === "waiting") return <Spinner />;
  const Icon = tone === "good" ? CircleCheck : CircleAlert;
  return <Icon aria-hidden="true" className="size-4.5" />;
}
