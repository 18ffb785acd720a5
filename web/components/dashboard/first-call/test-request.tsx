"use client";

// "Send a test request": the answer beside the money that it moves, down to the receipt.

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

/** Without a key at hand one can be pasted: it stays in this component. Links leave the page be, where it shows a secret. */
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
            hint="Kept in this page's memory only."
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
        {model ? `Asks ${model}, the cheapest model here: “${FIRST_INPUT}”` : "No model is on offer for it."}
      </p>
      {test.phase !== "idle" && <Outcome test={test} inPlace={apiKey === undefined} />}
    </section>
  );
}

type Test = ReturnType<typeof useTestRequest>;

function Outcome({ test, inPlace }: { test: Test; inPlace: boolean }) {
  const told = test.detail.data?.state === "open" ? (test.event ?? test.detail.data) : (test.detail.data ?? test.event);
  const money = told ? moneyOf(told) : null;
  const refused = test.phase === "failed" && test.requestId === null;
  return (
    <>
      {!refused && (
        <div className="grid gap-4 md:grid-cols-2">
          <Box title="Answer">
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
      {test.detail.data && test.detail.data.lines.length > 0 && <RequestCost request={test.detail.data} />}
      {!test.underWay && told && test.requestId && (
        <LinkButton look="secondary" href={requestHref(test.requestId)} {...elsewhere(inPlace)}>
          Open its receipt
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

/** 402 is for money: the way on is billing. */
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
          and send it again.
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
    return isMissing(detail.error) ? "This key is another account's: so is its receipt." : "Waiting for the ledger…";
  }
  if (money.state === "open")
    return phase === "stopped" ? "Stopped: the hold is on its way back." : "Held while it runs.";
  if (money.state === "released") return "Released: nothing was charged.";
  return phase === "stopped" ? "Charged for what was delivered." : "Charged for what it used. The rest is back.";
}

function isMissing(error: Error | null): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** Said once the answer is whole, never word by word. */
function announced(test: Test, money: Money | null): string {
  if (test.phase === "sending") return "Sent.";
  if (test.phase === "answering") return "The answer begins.";
  const cost = money?.cost === null || money?.cost === undefined ? "" : ` Charged ${formatUsdExact(money.cost)}.`;
  if (test.phase === "done") return `The answer is complete: ${test.text}.${cost}`;
  return test.phase === "stopped" ? `Stopped.${cost}` : "";
}
