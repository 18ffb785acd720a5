"use client";
// The account's keys: active ones in a table, revoked ones in a collapsed section.

import { parseAsBoolean, useQueryStates } from "nuqs";
import { useEffect, useRef, useState } from "react";
import { PageHeader } from "@/components/page-header";
import { Button } from "@/components/ui/button";
import { Disclosure } from "@/components/ui/disclosure";
import { Empty, Loaded, Panel, SkeletonRows } from "@/components/ui/panel";
import { type ApiKey, useApiKeys } from "@/lib/api/queries";
import { parseAsId } from "@/lib/navigation/url-state";
import { KeyCreate } from "./create";
import { KeyEdit } from "./edit";
import { KeyRevoke } from "./revoke";
import { KeysTable } from "./table";

/** `key`: the key that was searched for. `new`: the dialog for a new key is open. */
const STATE = { key: parseAsId, new: parseAsBoolean.withDefault(false) };

export function KeysView() {
  const [state, set] = useQueryStates(STATE);
  const [editing, setEditing] = useState<ApiKey | null>(null);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const head = useRef<HTMLButtonElement>(null);
  const opener = useRef<HTMLElement>(null);
  const query = useApiKeys();
  const create = () => void set({ new: true });
  const revoke = (key: ApiKey) => {
    opener.current = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    setRevoking(key);
  };
  const revoked = (done: boolean) => {
    if (done) opener.current = head.current; // the row of the revoked key disappears
    setRevoking(null);
  };
  return (
    <>
      <PageHeader
        title="Keys"
        actions={
          <Button ref={head} onClick={create}>
            Create key
          </Button>
        }
      >
        Programs authenticate with keys. Their limits are enforced exactly, however many requests run at once.
      </PageHeader>
      <Panel title="Keys in use" flush>
        <Loaded query={query} skeleton={<SkeletonRows rows={3} />}>
          {(keys) => (
            <>
              {state.key !== null && <Found keys={keys} id={state.key} onClear={() => void set({ key: null })} />}
              <Lists keys={keys} found={state.key} onCreate={create} onEdit={setEditing} onRevoke={revoke} />
            </>
          )}
        </Loaded>
      </Panel>
      <KeyCreate
        open={state.new}
        first={query.data?.length === 0}
        finalFocus={head}
        onClose={() => void set({ new: null })}
      />
      <KeyEdit apiKey={editing} onClose={() => setEditing(null)} />
      <KeyRevoke apiKey={revoking} finalFocus={opener} onClose={revoked} />
    </>
  );
}

type ListsProps = {
  keys: readonly ApiKey[];
  found: string | null;
  onCreate: () => void;
  onEdit: (key: ApiKey) => void;
  onRevoke: (key: ApiKey) => void;
};

function Lists({ keys, found, onCreate, onEdit, onRevoke }: ListsProps) {
  const revoked = keys.filter((key) => key.state === "revoked");
  const working = keys.filter((key) => key.state !== "revoked");
  return (
    <>
      {working.length === 0 ? (
        <Empty
          title={revoked.length > 0 ? "No active keys" : "No keys yet"}
          action={<Button onClick={onCreate}>Create key</Button>}
        >
          Programs need a key to send requests. Its secret is shown only once, when the key is created.
        </Empty>
      ) : (
        <KeysTable caption="Keys and their limits" keys={working} found={found} onEdit={onEdit} onRevoke={onRevoke} />
      )}
      {revoked.length > 0 && (
        <Disclosure
          open={revoked.some((key) => key.id === found)}
          title={`Revoked keys (${revoked.length})`}
          className="border-t"
          titleClass="min-h-12 px-4 text-sm font-medium text-muted hover:text-text sm:px-5"
        >
          <div className="border-t">
            <KeysTable caption="Revoked keys" keys={revoked} found={found} />
          </div>
        </Disclosure>
      )}
    </>
  );
}

/** The result of a search for a key; a match is scrolled into view. */
function Found({ keys, id, onClear }: { keys: readonly ApiKey[]; id: string; onClear: () => void }) {
  const there = keys.find((key) => key.id === id);
  const isThere = there !== undefined;
  useEffect(() => {
    if (isThere) document.getElementById(id)?.scrollIntoView({ block: "center" });
  }, [id, isThere]);
  return (
    <div className="flex flex-wrap items-center justify-between gap-2 border-b bg-sunken/50 px-4 py-2 text-sm sm:px-5">
      <p role="status" className="min-w-0 break-words">
        {there ? `Highlighted below: ${there.name}, ` : "This account has no key "}
        <code className="font-mono text-xs break-all">{id}</code>
      </p>
      <Button look="quiet" size="small" onClick={onClear}>
        Clear
      </Button>
    </div>
  );
}
