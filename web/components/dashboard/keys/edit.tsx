"use client";

import { type FormEvent, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { FormError } from "@/components/ui/form-error";
import { answered, api } from "@/lib/api/client";
import { type ApiKey, KEYS, useChange } from "@/lib/api/queries";
import { useFocusWrong } from "@/lib/form/focus";
import { changeOf, formOf, type KeyChange, readLimits } from "@/lib/keys/limits";
import { KeyFields, LIMIT_FIELDS } from "./fields";
import { useLimitsForm } from "./form";

/** Edits a key's limits; closed if `apiKey` is null. */
export function KeyEdit({ apiKey, onClose }: { apiKey: ApiKey | null; onClose: () => void }) {
  return (
    <Dialog
      open={apiKey !== null}
      onOpenChange={(open) => !open && onClose()}
      wide
      title="Edit limits"
      description={apiKey && `${apiKey.name} · ${apiKey.hint}`}
    >
      {apiKey && <EditForm apiKey={apiKey} onDone={onClose} />}
    </Dialog>
  );
}

function EditForm({ apiKey, onDone }: { apiKey: ApiKey; onDone: () => void }) {
  const [before] = useState(() => formOf(apiKey));
  const [attempt, setAttempt] = useState(0);
  const edit = useChange(
    (body: KeyChange) => answered(api.PATCH("/api/keys/{key_id}", { params: { path: { key_id: apiKey.id } }, body })),
    [KEYS.keys],
  );
  const { form, change, read, errors, sent, troubled } = useLimitsForm(before, edit.error, LIMIT_FIELDS);
  const frame = useFocusWrong(troubled && attempt);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (edit.isPending) return;
    const { limits } = read();
    const known = readLimits(before).limits;
    setAttempt(attempt + 1);
    if (limits === null || known === null) return;
    const changed = changeOf(known, limits);
    if (Object.keys(changed).length === 0) onDone();
    else edit.mutate(changed, { onSuccess: onDone });
  };
  return (
    <form ref={frame} onSubmit={submit} noValidate className="space-y-4">
      <KeyFields form={form} errors={errors} onChange={change} />
      <FormError message={sent.general} />
      <p className="text-sm text-muted">New limits apply from the next request. Clear a field to remove its limit.</p>
      <div className="flex flex-wrap justify-end gap-2">
        <Button look="secondary" onClick={onDone}>
          Cancel
        </Button>
        <Button type="submit" busy={edit.isPending}>
          Save limits
        </Button>
      </div>
    </form>
  );
}
