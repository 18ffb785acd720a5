"use client";

import { useQueryClient } from "@tanstack/react-query";
import { clsx } from "clsx";
import { CircleAlert, CircleCheck, X } from "lucide-react";
import { type ComponentProps, type ReactNode, useEffect, useState } from "react";
import { buttonClass, Spinner } from "@/components/ui/button";
import { Link } from "@/components/ui/link";
import { Failed } from "@/components/ui/panel";
import { ApiError } from "@/lib/api/client";
import { type Checkout, KEYS, refresh, useCheckout, usePacks } from "@/lib/api/queries";
import { type CheckoutView, checkoutView, pollMs } from "@/lib/billing/checkout";
import { formatPrice } from "@/lib/billing/packs";
import { formatUsd, nanos } from "@/lib/money";
import { transactionHref } from "@/lib/navigation/ids";

const TICK_MS = 1_000;
const LOOKING: CheckoutView = {
  tone: "waiting",
  title: "Looking up the payment…",
  text: "This takes a moment.",
  done: false,
  payable: false,
};
const TONES = {
  waiting: "bg-surface",
  neutral: "bg-surface",
  good: "border-transparent bg-accent-soft text-accent-strong",
  bad: "border-transparent bg-danger-soft text-danger",
};

type CheckoutReturnProps = { checkoutId: string; left: boolean; onClose: () => void };

/** A checkout after its owner returns from the payment page: waits until it is credited, or says why it was not. */
export function CheckoutReturn({ checkoutId, left, onClose }: CheckoutReturnProps) {
  const [done, setDone] = useState(false);
  const waitedMs = useWaited(!done);
  const client = useQueryClient();
  const query = useCheckout(checkoutId, () => pollMs(done, waitedMs));
  const checkout = query.data;
  const view = checkout
    ? checkoutView(checkout, formatUsd(nanos(checkout.credit_nanos)), left, waitedMs)
    : query.isError
      ? { ...LOOKING, done: true }
      : LOOKING;
  const paid = checkout?.state === "paid";
  useEffect(() => setDone(view.done), [view.done]);
  useEffect(() => {
    if (paid) refresh(client, KEYS.balance, KEYS.transactions, KEYS.account, KEYS.automatic);
  }, [paid, client]);
  return (
    <Frame tone={checkout ? view.tone : "neutral"} onClose={onClose}>
      {checkout || !query.isError ? (
        <>
          <div role="status">
            <p className="font-semibold">{view.title}</p>
            <p>{view.text}</p>
          </div>
          {checkout && <Details checkout={checkout} payable={view.payable} />}
        </>
      ) : (
        <NotSeen error={query.error} retry={() => query.refetch()} busy={query.isFetching} />
      )}
    </Frame>
  );
}

/** Retrying does not help if the checkout does not exist or belongs to another account. */
function NotSeen(failed: ComponentProps<typeof Failed>) {
  if (failed.error instanceof ApiError && failed.error.status === 404) {
    return (
      <div role="alert">
        <p className="font-semibold">Checkout not found</p>
        <p className="break-words">{failed.error.message}</p>
      </div>
    );
  }
  return (
    <div className="-mx-4 -my-6 sm:-mx-5">
      <Failed {...failed} />
    </div>
  );
}

function Frame({ tone, onClose, children }: { tone: CheckoutView["tone"]; onClose: () => void; children: ReactNode }) {
  const close = () => {
    onClose();
    document.getElementById("main")?.focus();
  };
  return (
    <section
      aria-label="Checkout"
      className={clsx("flex items-start gap-3 rounded-xl border px-4 py-4 text-sm sm:px-5", TONES[tone])}
    >
      <span className="mt-0.5 grid size-5 shrink-0 place-items-center">
        <Sign tone={tone} />
      </span>
      <div className="min-w-0 flex-1 space-y-3">{children}</div>
      <button
        type="button"
        aria-label="Close this message"
        onClick={close}
        className="-my-2 -mr-2 grid size-10 shrink-0 place-items-center rounded-lg hover:bg-sunken"
      >
        <X aria-hidden="true" className="size-4.5" />
      </button>
    </section>
  );
}

function Sign({ tone }: { tone: CheckoutView["tone"] }) {
  if (tone === "waiting") return <Spinner />;
  const Icon = tone === "good" ? CircleCheck : CircleAlert;
  return <Icon aria-hidden="true" className="size-4.5" />;
}

/** The pack, its price, and the next step. */
function Details({ checkout, payable }: { checkout: Checkout; payable: boolean }) {
  const { payment_id: paymentId, url } = checkout;
  const packs = usePacks();
  const pack = packs.data?.find(({ id }) => id === checkout.pack)?.name ?? checkout.pack;
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
      <p className="break-words opacity-90">
        {checkout.automatic && "Automatic top-up: "}
        {pack} for {formatPrice(checkout.price, checkout.currency)} ·{" "}
        <code className="font-mono text-xs">{checkout.checkout_id}</code>
      </p>
      {payable && url !== null && (
        <a href={url} className={buttonClass("primary", "small")}>
          Go to the payment page
        </a>
      )}
      {checkout.state === "paid" && paymentId !== null && (
        <Link href={transactionHref(paymentId)} className="font-medium underline">
          Show the transaction
        </Link>
      )}
    </div>
  );
}

/** Milliseconds since the component was first shown, counted while `running`. */
function useWaited(running: boolean): number {
  const [began] = useState(() => Date.now());
  const [now, setNow] = useState(began);
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [running]);
  return now - began;
}
