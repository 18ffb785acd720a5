"use client";

// "Send a test request": the response next to its hold and charge, down to the receipt.

import { type FormEvent, type ReactNode, useState } from "react";
import { RequestCost } from "@/components/dashboard/requests/cost";
import { type Money, MoneyBar, moneyOf } from "@/components/dashboard/requests/money-bar";
import { Button, LinkButton } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Link } from "@/components/ui/link";
import { ApiError } from "@/lib/api/client";
import { FIRST_INPUT } from "@/lib/docs/config-snippets";
import { formatUsdExact } from "@/lib/money";
import { requestHref } from "@/lib/navigation/ids";
import { useTestRequest } from "./run";

type TestRequestProps = { apiKey: string | undefined; model: string | null };

/** If no key is given, the user can paste one; it stays in this component. With a key on the page, links open in a new tab. */
export function TestRequest({ apiKey, model }: TestRequestProps) {
  const [pasted, setPasted] = useState("");
  const [missing, setMissing] = useState(false);
  const test = useTestRequest();
  const key = apiKey ?? pasted.trim();
  const start = (event: FormEvent) => {
    event.preventDefault();
    setMissing(key === "");
    if (key && model && !test.underWay) void test.send({ apiKey: key, model, input: FIRST_INPUT });
  };
  return (
    <section aria-label="Test request" className="space-y-4">
      <form onSubmit={start} noValidate className="flex flex-wrap items-end gap-3">
        {apiKey === undefined && (
          <Field
            label="API key"
            type="password"
            autoComplete="off"
            placeholder="sk-rr-…"
            className="min-w-0 flex-1 basis-56"
            hint="Kept only in this page's memory."
            value={pasted}
            error={missing ? "Paste a key, or create one." : null}
            onChange={(event) => setPasted(event.target.value)}
          />
        )}
        <div className={apiKey === undefined ? "mb-6.5 flex gap-2" : "flex gap-2"}>
          <Button type="submit" busy={test.underWay} aria-describedby="first-call-model">
            Send a test request
          </Button>
          {test.underWay && (
            <Button look="secondary" onClick={test.stop}>
              Stop
            </Button>
          )}
        </div>
      </form>
      <p id="first-call-model" className="text-sm text-muted">
        {model ? `Sends “${FIRST_INPUT}” to ${model}, the cheapest model here.` : "No suitable model is available."}
      </p>
      {test.phase !== "idle" && <Outcome test={test} inPlace={apiKey === undefined} />}
    </section>
  );
}

type Test = ReturnType<typeof useTestRequest>;

function Outcome({ test, inPlace }: { test: Test; inPlace: boolean }) {
  const { data } = test.detail;
  const known = data?.state === "open" ? (test.event ?? data) : (data ?? test.event);
  const money = known ? moneyOf(known) : null;
  const refused = test.phase === "failed" && test.requestId === null;
  return (
    <>
      {!refused && (
        <div className="grid gap-4 md:grid-cols-2">
          <Box title="Response">
            <p className="max-h-56 min-h-24 overflow-y-auto text-sm break-words whitespace-pre-wrap">
              {test.text || (
                <span className="text-muted">{test.underWay ? "Waiting for the first word…" : "No text."}</span>
              )}
            </p>
          </Box>
          <Box title="Money">
            <MoneyBar money={money} />
            <p className="mt-3 text-sm text-muted">{moneyInWords(test, money)}</p>
          </Box>
        </div>
      )}
      {test.error && <Refused error={test.error} inPlace={inPlace} />}
      <p role="status" className="sr-only">
        {announced(test, money)}
      </p>
      {data && data.lines.length > 0 && <RequestCost request={data} />}
      {!test.underWay && known && test.requestId && (
        <LinkButton look="secondary" href={requestHref(test.requestId)} {...elsewhere(inPlace)}>
          Open the receipt
          {!inPlace && <span className="sr-only"> in a new tab</span>}
        </LinkButton>
      )}
    </>
  );
}

function Box({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="min-w-0 rounded-lg border bg-sunken/50 p-4">
      <h3 className="mb-3 text-sm font-medium">{title}</h3>
      {children}
    </div>
  );
}

/** A 402 means that credit is missing, so the next step is billing. */
function Refused({ error, inPlace }: { error: Error; inPlace: boolean }) {
  const unpaid = error instanceof ApiError && error.status === 402;
  const id = error instanceof ApiError ? error.requestId : null;
  return (
    <div role="alert" className="space-y-1 rounded-lg bg-danger-soft px-4 py-3 text-sm text-danger">
      <p>{error.message}</p>
      {unpaid && (
        <p>
          <Link href="/dashboard/billing" className="font-medium underline underline-offset-2" {...elsewhere(inPlace)}>
            Add credit
          </Link>{" "}
          and try again.
        </p>
      )}
      {id && (
        <p className="text-xs">
          Request <code className="font-mono">{id}</code>
        </p>
      )}
    </div>
  );
}

function elsewhere(inPlace: boolean): { target?: string; rel?: string } {
  return inPlace ? {} : { target: "_blank", rel: "noopener" };
}

function moneyInWords({ phase, underWay, detail }: Test, money: Money | null): string {
  if (money === null) {
    if (underWay) return "Nothing is held yet.";
    return isMissing(detail.error)
      ? "This key belongs to another account, and so does the receipt."
      : "Waiting for the ledger…";
  }
  if (money.state === "open")
    return phase === "stopped" ? "Stopped: the hold is being returned." : "Held while the request runs.";
  if (money.state === "released") return "Released: nothing was charged.";
  return phase === "stopped" ? "Charged for what was delivered." : "Charged for what it used. The rest was returned.";
}

function isMissing(error: Error | null): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** For screen readers: announced once the response is complete, not word by word. */
function announced(test: Test, money: Money | null): string {
  if (test.phase === "sending") return "Sent.";
  if (test.phase === "answering") return "The response has started.";
  const cost = money?.cost === null || money?.cost === undefined ? "" : ` Charged ${formatUsdExact(money.cost)}.`;
  if (test.phase === "done") return `The response is complete: ${test.text}.${cost}`;
  return test.phase === "stopped" ? `Stopped.${cost}` : "";
}
