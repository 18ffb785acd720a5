// Tables of facts from lib/facts.json, which the build generates from ops/reference.md (ops/website_facts.py).

import { Fragment, type ReactNode } from "react";
import facts from "@/lib/facts.json";
import { formatCount } from "@/lib/time";
import { Badge } from "../ui/badge";
import { DocTable } from "./prose";
import { InlineCode, rich } from "./rich";

const RETRIES: Record<string, string> = { yes: "Yes", no: "No", depends: "Depends" };
const KEYS: Record<string, string> = {
  required: "Key",
  optional: "Key (optional)",
  none: "None",
  session: "Session",
  "session or key": "Session or key",
};

/** The errors with a status from `from` to `to`, both included. */
export function ErrorsTable({ caption, from, to }: { caption: string; from: number; to: number }) {
  const rows = facts.errors
    .filter(({ status }) => from <= status && status <= to)
    .map(({ status, type, code, when, todo, retry }) => ({
      key: `${status} ${type} ${code}`,
      id: `${status}-${code ?? "null"}`,
      cells: [
        <Code key="code" status={status} code={code} type={type} />,
        <div key="what" className="min-w-48 space-y-1">
          <p>{rich(when)}</p>
          <p className="text-muted">{rich(todo)}</p>
        </div>,
        RETRIES[retry],
      ],
    }));
  return <DocTable caption={caption} head={["Error", "Cause and remedy", "SDKs retry"]} rows={rows} />;
}

function Code({ status, code, type }: { status: number; code: string | null; type: string }) {
  return (
    <div className="space-y-1 max-sm:w-28">
      <div className="flex items-center gap-2 max-sm:flex-col max-sm:items-start max-sm:gap-1">
        <Badge tone={status >= 500 ? "danger" : "neutral"}>{`${status}`}</Badge>
        {code === "provider" ? (
          <span className="whitespace-nowrap italic">the provider's</span>
        ) : (
          <CodeName code={code} />
        )}
      </div>
      <p className="font-mono text-xs break-words text-muted">{breakable(type)}</p>
    </div>
  );
}

function CodeName({ code }: { code: string | null }) {
  return (
    <code className="font-mono text-[0.8125rem] font-medium max-sm:w-28 max-sm:break-words">
      {breakable(code ?? "null")}
    </code>
  );
}

/** A name that may wrap after its underscores and slashes. */
function breakable(name: string): ReactNode {
  return name.split(/(?<=[_/])/).map((part, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text, in their order
    <Fragment key={at}>
      {at > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}

/** The routes whose path starts with `under`. */
export function EndpointsTable({ caption, under }: { caption: string; under: string }) {
  const rows = facts.endpoints
    .filter(({ path }) => path.startsWith(under))
    .map(({ method, path, key, answers }) => ({
      key: `${method} ${path}`,
      cells: [
        <code
          key="route"
          className="font-mono text-[0.8125rem] break-words max-sm:block max-sm:w-28 sm:whitespace-nowrap"
        >
          <span className="text-muted max-sm:block">{method}</span> {breakable(path)}
        </code>,
        <div key="answers" className="min-w-44">
          {rich(answers)}
        </div>,
        <span key="who" className="whitespace-nowrap">
          {KEYS[key]}
        </span>,
      ],
    }));
  return <DocTable caption={caption} head={["Route", "What it does", "Authentication"]} rows={rows} />;
}

export function HeadersTable({ caption, of }: { caption: string; of: "request" | "answer" }) {
  const rows = (of === "request" ? facts.request_headers : facts.answer_headers).map(({ name, meaning }) =>
    named(name, meaning),
  );
  return <DocTable caption={caption} head={["Header", "Meaning"]} rows={rows} />;
}

export function KeyLimitsTable() {
  const rows = facts.key_limits.map(({ name, refused, window }) => ({
    key: name,
    cells: [<InlineCode key="name">{name}</InlineCode>, rich(refused), rich(window)],
  }));
  return <DocTable caption="Key limits" head={["Limit", "Refused with", "Window"]} rows={rows} />;
}

export function FixedLimitsTable() {
  const rows = facts.fixed_limits.map(({ name, value }) => ({ key: name, cells: [rich(name), formatCount(value)] }));
  return <DocTable caption="Fixed limits" head={["Limit", "Value"]} rows={rows} numeric={[1]} />;
}

export function CostLinesTable() {
  const rows = facts.cost_lines.map(({ name, counts }) => named(name, counts));
  return <DocTable caption="Lines of a charge" head={["Line", "What it counts"]} rows={rows} />;
}

export function ReasonsTable() {
  const rows = facts.release_reasons.map(({ name, when }) => named(name, when));
  return <DocTable caption="Reasons for a release" head={["Reason", "When"]} rows={rows} />;
}

export function TransactionsTable() {
  const rows = facts.transactions.map(({ name, amount, reference }) => ({
    key: name,
    cells: [<InlineCode key="name">{name}</InlineCode>, amount, reference],
  }));
  return <DocTable caption="Kinds of transactions" head={["Kind", "Amount", "Refers to"]} rows={rows} />;
}

function named(name: string, meaning: string) {
  return {
    key: name,
    cells: [
      <InlineCode key="name">{name}</InlineCode>,
      <div key="meaning" className="min-w-44">
        {rich(meaning)}
      </div>,
    ],
  };
}
