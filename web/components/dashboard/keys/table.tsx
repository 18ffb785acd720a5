"use client";

import { Amount } from "@/components/ui/amount";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Instant } from "@/components/ui/instant";
import { type Column, Table } from "@/components/ui/table";
import { type ApiKey, useUsage } from "@/lib/api/queries";
import { expiryInWords, limitsInWords } from "@/lib/keys/limits";
import { nanos } from "@/lib/money";
import { isoDay } from "@/lib/time";

const STATES: Record<string, { label: string; tone: Tone }> = {
  in_use: { label: "In use", tone: "good" },
  expired: { label: "Expired", tone: "warning" },
  revoked: { label: "Revoked", tone: "neutral" },
};

type KeysTableProps = {
  caption: string;
  keys: readonly ApiKey[];
  found: string | null;
  onEdit?: (key: ApiKey) => void;
  onRevoke?: (key: ApiKey) => void;
};

export function KeysTable({ caption, keys, found, onEdit, onRevoke }: KeysTableProps) {
  const spent = useSpentThisMonth();
  const columns: Column<ApiKey>[] = [
    { id: "name", head: "Name", cell: (key) => <Name apiKey={key} /> },
    { id: "state", head: "State", from: "sm", cell: (key) => <State apiKey={key} /> },
    { id: "limits", head: "Limits", from: "md", cell: (key) => <LimitsSaid apiKey={key} /> },
    {
      id: "month",
      head: "This month",
      from: "md",
      cell: (key) => (
        <span className="whitespace-nowrap">
          <Amount nanos={spent.get(key.id) ?? 0n} />
          {key.monthly_budget_nanos !== null && (
            <span className="text-muted">
              {" "}
              of <Amount nanos={nanos(key.monthly_budget_nanos)} />
            </span>
          )}
        </span>
      ),
    },
    { id: "created", head: "Created", from: "lg", cell: (key) => <Instant at={key.created_at} /> },
    {
      id: "ends",
      head: "Expires",
      from: "lg",
      cell: (key) => <span className="whitespace-nowrap">{expiryInWords(key.expires_at)}</span>,
    },
    ...(onEdit && onRevoke
      ? [
          {
            id: "actions",
            head: "Actions",
            numeric: true,
            cell: (key: ApiKey) => <Actions apiKey={key} onEdit={onEdit} onRevoke={onRevoke} />,
          },
        ]
      : [{ id: "revoked", head: "Revoked", cell: (key: ApiKey) => key.revoked_at && <Instant at={key.revoked_at} /> }]),
  ];
  return (
    <Table
      caption={caption}
      columns={columns}
      rows={keys}
      rowKey={(key) => key.id}
      rowClass={(key) => (key.id === found ? "bg-accent-soft" : undefined)}
    />
  );
}

function Name({ apiKey }: { apiKey: ApiKey }) {
  return (
    <div id={apiKey.id} className="max-w-64 scroll-my-24 py-2.5">
      <span className="block truncate font-medium" title={apiKey.name}>
        {apiKey.name}
      </span>
      <code className="block truncate font-mono text-xs text-muted" title={apiKey.id}>
        {apiKey.hint}
      </code>
      <span className="mt-1 block sm:hidden">
        <State apiKey={apiKey} />
      </span>
    </div>
  );
}

function State({ apiKey }: { apiKey: ApiKey }) {
  const { label, tone } = STATES[apiKey.state] ?? { label: apiKey.state, tone: "neutral" as const };
  return <Badge tone={tone}>{label}</Badge>;
}

function LimitsSaid({ apiKey }: { apiKey: ApiKey }) {
  const words = limitsInWords(apiKey);
  if (words.length === 0) return <span className="text-muted">No limits</span>;
  return (
    <ul className="py-2 text-xs leading-5" title={apiKey.models?.join(", ")}>
      {words.map((word) => (
        <li key={word}>{word}</li>
      ))}
    </ul>
  );
}

type ActionsProps = { apiKey: ApiKey; onEdit: (key: ApiKey) => void; onRevoke: (key: ApiKey) => void };

function Actions({ apiKey, onEdit, onRevoke }: ActionsProps) {
  return (
    <span className="inline-flex flex-wrap justify-end gap-1 py-1.5">
      <Button look="secondary" size="small" onClick={() => onEdit(apiKey)}>
        Edit<span className="sr-only"> the limits of {apiKey.name}</span>
      </Button>
      <Button look="quiet" size="small" onClick={() => onRevoke(apiKey)}>
        Revoke<span className="sr-only"> {apiKey.name}</span>
      </Button>
    </span>
  );
}

/** Each key's charges in this UTC month, by key id. */
function useSpentThisMonth(): ReadonlyMap<string, bigint> {
  const usage = useUsage({ by: "key", from: `${isoDay(new Date()).slice(0, 8)}01` });
  return new Map(usage.data?.data.map(({ group, cost_nanos }) => [group, nanos(cost_nanos)]));
}
