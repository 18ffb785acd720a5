"use client";
// A new key: its name and limits, then the secret, once.
//
// Rule 1: the secret exists only in this component's state: never in a query, mutation, URL, storage or log.
// Rule 2: each dialog generates one id, so a retry does not create a second key.
// Rule 3: the dialog stays open while the key is being created; if it is closed all the same, the secret is discarded.

import { type FormEvent, type RefObject, useEffect, useRef, useState } from "react";
import { prepareFirstCall } from "@/components/dashboard/first-call/lazy";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { FormError } from "@/components/ui/form-error";
import { ApiError, answered, api } from "@/lib/api/client";
import { KEYS, type MadeKey, useChange } from "@/lib/api/queries";
import { useFocusWrong } from "@/lib/form/focus";
import { type Limits, NO_LIMITS } from "@/lib/keys/limits";
import { KeyFields, LIMIT_FIELDS } from "./fields";
import { useLimitsForm } from "./form";
import { KeySecret } from "./secret";

const NAME_LENGTH_MAX = 200;
const ID_BYTES = 12;

type KeyCreateProps = {
  open: boolean;
  first: boolean;
  onClose: () => void;
  finalFocus: RefObject<HTMLElement | null>;
};

/** `first`: the account has no key yet, so the first call is shown with the new one. */
export function KeyCreate({ open, first, onClose, finalFocus }: KeyCreateProps) {
  const [made, setMade] = useState<MadeKey | null>(null);
  const [confirming, setConfirming] = useState(false);
  const [pending, setPending] = useState(false);
  const there = useRef(open);
  useEffect(() => {
    there.current = open;
    if (open) return prepareFirstCall();
    setMade(null);
    setConfirming(false);
    setPending(false);
  }, [open]);
  const keep = (key: MadeKey) => there.current && setMade(key);
  return (
    <Dialog
      open={open}
      onOpenChange={(wanted) => !wanted && (made !== null ? setConfirming(true) : !pending && onClose())}
      wide
      finalFocus={finalFocus}
      title={made === null ? "Create a key" : "Your new key"}
      description={made === null ? "Limits can be changed later. An empty field sets no limit." : made.key.name}
    >
      {made === null ? (
        <CreateForm onMade={keep} onPending={setPending} onCancel={onClose} />
      ) : (
        <KeySecret
          made={made}
          open={first}
          confirming={confirming}
          onKeep={() => setConfirming(false)}
          onStored={onClose}
        />
      )}
    </Dialog>
  );
}

type CreateFormProps = { onMade: (made: MadeKey) => void; onPending: (pending: boolean) => void; onCancel: () => void };

function CreateForm({ onMade, onPending, onCancel }: CreateFormProps) {
  const [id, setId] = useState(newKeyId);
  const [name, setName] = useState("");
  const [nameless, setNameless] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const create = useChange(
    async ({ limits }: { limits: Limits }) => {
      const made = await answered(api.POST("/api/keys", { body: { id, name: name.trim(), ...limits } }));
      onMade({ secret: made.api_key, key: made.key });
    },
    [KEYS.keys, KEYS.account],
  );
  useEffect(() => onPending(create.isPending), [onPending, create.isPending]);
  const { form, change, read, errors, sent, troubled } = useLimitsForm(NO_LIMITS, create.error, [
    "name",
    ...LIMIT_FIELDS,
  ]);
  const frame = useFocusWrong((troubled || nameless) && attempt);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (create.isPending) return;
    const { limits } = read();
    setNameless(name.trim() === "");
    setAttempt(attempt + 1);
    if (limits === null || name.trim() === "") return;
    create.mutate({ limits }, { onError: (error) => isMadeBefore(error) && setId(newKeyId()) });
  };
  return (
    <form ref={frame} onSubmit={submit} noValidate className="space-y-4">
      <Field
        label="Name"
        hint="What the key is for: a machine, a project."
        autoComplete="off"
        maxLength={NAME_LENGTH_MAX}
        value={name}
        error={nameless ? "Enter a name for the key." : sent.field("name")}
        onChange={(event) => setName(event.target.value)}
      />
      <KeyFields form={form} errors={errors} onChange={change} />
      <FormError message={isMadeBefore(create.error) ? MADE_BEFORE : sent.general} />
      <div className="flex flex-wrap justify-end gap-2">
        <Button look="secondary" disabled={create.isPending} onClick={onCancel}>
          Cancel
        </Button>
        <Button type="submit" busy={create.isPending}>
          Create key
        </Button>
      </div>
    </form>
  );
}

const MADE_BEFORE =
  "An earlier attempt created this key, but its response was lost, and the secret with it. Revoke that key in the list and create another.";

function isMadeBefore(error: Error | null): boolean {
  return error instanceof ApiError && error.status === 409;
}

function newKeyId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
  return `key_${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
