"use client";

import { type FormEvent, type RefObject, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { FormError } from "@/components/ui/form-error";
import { answered, api } from "@/lib/api/client";
import { type ApiKey, KEYS, useChange } from "@/lib/api/queries";
import { useFocusWrong } from "@/lib/form/focus";

type KeyRevokeProps = {
  apiKey: ApiKey | null;
  onClose: (revoked: boolean) => void;
  finalFocus: RefObject<HTMLElement | null>;
};

/** Revokes a key once its name is typed; closed if `apiKey` is null. */
export function KeyRevoke({ apiKey, onClose, finalFocus }: KeyRevokeProps) {
  return (
    <Dialog
      open={apiKey !== null}
      onOpenChange={(open) => !open && onClose(false)}
      finalFocus={finalFocus}
      title="Revoke this key?"
      description={apiKey && `${apiKey.name} · ${apiKey.hint}`}
    >
      {apiKey && <RevokeForm apiKey={apiKey} onDone={onClose} />}
    </Dialog>
  );
}

function RevokeForm({ apiKey, onDone }: { apiKey: ApiKey; onDone: (revoked: boolean) => void }) {
  const [typed, setTyped] = useState("");
  const [attempt, setAttempt] = useState(0);
  const [wrong, setWrong] = useState(false);
  const revoke = useChange(
    () => answered(api.DELETE("/api/keys/{key_id}", { params: { path: { key_id: apiKey.id } } })),
    [KEYS.keys, KEYS.account],
  );
  const frame = useFocusWrong(wrong && attempt);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (revoke.isPending) return;
    const same = typed.trim() === apiKey.name.trim();
    setWrong(!same);
    setAttempt(attempt + 1);
    if (same) revoke.mutate(undefined, { onSuccess: () => onDone(true) });
  };
  return (
    <form ref={frame} onSubmit={submit} noValidate className="space-y-4">
      <p className="text-sm">
        New requests with this key will be refused. Requests in flight complete normally. This cannot be undone.
      </p>
      <Field
        label={`Type ${apiKey.name} to revoke it`}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        value={typed}
        error={wrong ? "This does not match the key's name." : null}
        onChange={(event) => setTyped(event.target.value)}
      />
      <FormError message={revoke.error?.message ?? null} />
      <div className="flex flex-wrap justify-end gap-2">
        <Button look="secondary" onClick={() => onDone(false)}>
          Keep the key
        </Button>
        <Button type="submit" look="danger" busy={revoke.isPending}>
          Revoke key
        </Button>
      </div>
    </form>
  );
}
