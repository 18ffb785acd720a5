"use client";

// The details of a request, and its usage.

import type { ReactNode } from "react";
import { CopyButton } from "@/components/ui/copy";
import { Instant } from "@/components/ui/instant";
import { Link } from "@/components/ui/link";
import { type RequestDetail, useApiKeys } from "@/lib/api/queries";
import { keyHref } from "@/lib/navigation/ids";
import { endpointPath, finishInWords } from "@/lib/requests/words";
import { formatCount, formatDuration } from "@/lib/time";

type Fact = [name: string, value: ReactNode];

export function RequestFacts({ request }: { request: RequestDetail }) {
  return (
    <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-2 text-sm">
      {factsOf(request).map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="tabular min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function factsOf(request: RequestDetail): Fact[] {
  return [
    ["Model", request.model],
    ["Endpoint", <code key="endpoint" className="font-mono text-xs">{`POST ${endpointPath(request.endpoint)}`}</code>],
    ["Key", <KeyName key="key" id={request.key_id} />],
    ...(request.state === "debited" ? [["Finish", finishInWords(request.finish, request.outcome)] satisfies Fact] : []),
    ...usedBy(request),
    ["Admitted", <Instant key="admitted" at={request.admitted_at} withSeconds />],
    ...settledAfter(request),
    ...(request.service_tier ? [["Service tier", request.service_tier] satisfies Fact] : []),
    ["Prices", `Version ${request.price_version} of the model's prices`],
    ...(request.response_id ? [["Response ID", <Id key="id" id={request.response_id} />] satisfies Fact] : []),
  ];
}

function usedBy(request: RequestDetail): Fact[] {
  if (request.input_tokens === null) return [];
  const input = ofWhich([request.cached_tokens, "cached"], [request.cache_write_tokens, "written to the cache"]);
  const output = ofWhich([request.reasoning_tokens, "for reasoning"]);
  return [
    ["Input tokens", `${formatCount(request.input_tokens)}${input}`],
    ["Output tokens", `${formatCount(request.output_tokens ?? 0)}${output}`],
    ...(request.web_search_calls ? [["Web searches", formatCount(request.web_search_calls)] satisfies Fact] : []),
    ...(request.images ? [["Images", formatCount(request.images)] satisfies Fact] : []),
    ["Usage", request.estimated ? "Estimated by the gateway" : "As reported by the provider"],
  ];
}

/** " (800 cached, 20 written to the cache)", without the parts that are zero or unknown. */
function ofWhich(...parts: [count: number | null, words: string][]): string {
  const shown = parts.flatMap(([count, words]) => (count ? [`${formatCount(count)} ${words}`] : []));
  return shown.length > 0 ? ` (${shown.join(", ")})` : "";
}

function settledAfter(request: RequestDetail): Fact[] {
  if (request.settled_at === null)
    return [["Deadline", <Instant key="deadline" at={request.deadline_at} withSeconds />]];
  const ms = Date.parse(request.settled_at) - Date.parse(request.admitted_at);
  return [["Latency", `${formatDuration(ms)} from admission to settlement`]];
}

function KeyName({ id }: { id: string }) {
  const keys = useApiKeys();
  const name = keys.data?.find((key) => key.id === id)?.name;
  return (
    <Link href={keyHref(id)} className="rounded-sm text-accent underline underline-offset-2">
      {name ?? id}
    </Link>
  );
}

function Id({ id }: { id: string }) {
  return (
    <span className="-my-1 flex items-center gap-1">
      <code className="min-w-0 font-mono text-xs break-all">{id}</code>
      <CopyButton text={id} label="Copy the response ID" />
    </span>
  );
}
