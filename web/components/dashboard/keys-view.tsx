"use client";
// The account's keys: those that work, and under a lid those that are revoked.

import { parseAsBoolean, useQueryStates } from "nuqs";
import { useEffect, useState } from "react";
import { type ApiKey, useApiKeys } from "@/lib/queries";
import { parseAsId } from "@/lib/url-state";
import { PageHeader } from "../page-header";
import { Button } from "../ui/button";
import { Empty, Loaded, Panel, SkeletonRows } from "../ui/panel";
import { KeyCreate } from "./key-create";
import { KeyEdit } from "./key-edit";
import { KeyRevoke } from "./key-revoke";
import { KeysTable } from "./keys-table";

/** `key`: the one that was looked for. `new`: the dialog that makes one is open. */
const STATE = { key: parseAsId, new: parseAsBoolean.withDefault(false) };

export function KeysView() {
  const [asked, set] = useQueryStates(STATE);
  const [editing, setEditing] = useState<ApiKey | null>(null);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const query = useApiKeys();
  const create = <Button onClick={() => void set({ new: true })}>Create key</Button>;
  return (
    <>
      <PageHeader title="Keys" actions={create}>
        What programs sign in with. Limits are exact: a key never spends more than its budget holds.
      </PageHeader>
      <Panel title="Keys in use" flush>
        <Loaded query={query} skeleton={<SkeletonRows rows={3} />}>
          {(keys) => (
            <>
              {asked.key !== null && <Found keys={keys} id={asked.key} onClear={() => void set({ key: null })} />}
              <Lists keys={keys} found={asked.key} create={create} onEdit={setEditing} onRevoke={setRevoking} />
            </>
          )}
        </Loaded>
      </Panel>
      <KeyCreate open={asked.new} first={query.data?.length === 0} onClose={() => void set({ new: null })} />
      <KeyEdit apiKey={editing} onClose={() => setEditing(null)} />
      <KeyRevoke apiKey={revoking} onClose={() => setRevoking(null)} />
    </>
  );
}

type ListsProps = {
  keys: readonly ApiKey[];
  found: string | null;
  create: React.ReactNode;
  onEdit: (key: ApiKey) => void;
  onRevoke: (key: ApiKey) => void;
};

function Lists({ keys, found, create, onEdit, onRevoke }: ListsProps) {
  const revoked = keys.filter((key) => key.state === "revoked");
  const working = keys.filter((key) => key.state !== "revoked");
  return (
    <>
      {working.length === 0 ? (
        <Empty title={revoked.length > 0 ? "No key works" : "No keys yet"} action={create}>
          A program needs a key to make requests. Its secret is shown once, when it is made.
        </Empty>
      ) : (
        <KeysTable caption="Keys in use" keys={working} found={found} onEdit={onEdit} onRevoke={onRevoke} />
      )}
      {revoked.length > 0 && (
        <details className="border-t" open={revoked.some((key) => key.id === found)}>
          <summary className="flex min-h-12 items-center px-4 text-sm font-medium text-muted hover:text-text sm:px-5">
            Revoked keys ({revoked.length})
          </summary>
          <div className="border-t">
            <KeysTable caption="Revoked keys" keys={revoked} found={found} />
          </div>
        </details>
      )}
    </>
  );
}

/** What became of a key that was looked for; it is brought into view. */
function Found({ keys, id, onClear }: { keys: readonly ApiKey[]; id: string; onClear: () => void }) {
  const there = keys.find((key) => key.id === id);
  const isThere = there !== undefined;
  useEffect(() => {
    if (isThere) document.getElementById(id)?.scrollIntoView({ block: "center" });
  }, [id, isThere]);
  return (
    <div className="flex flex-wrap items-center justify-between gap-2 border-b bg-sunken/50 px-4 py-2 text-sm sm:px-5">
      <p role="status" className="min-w-0 break-words">
        {there ? `Marked below: ${there.name}, ` : "This account has no key "}
        <code className="font-mono text-xs break-all">{id}</code>
      </p>
      <Button look="quiet" size="small" onClick={onClear}>
        Clear
      </Button>
    </div>
  );
}
