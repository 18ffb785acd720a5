// The state shared by the forms that create and edit a key: the values, and the error at each field.

import { useState } from "react";
import { formErrors } from "@/lib/form/errors";
import { type LimitErrors, type LimitsForm, type LimitsRead, readLimits } from "@/lib/keys/limits";

/** Errors found in the form take precedence over the gateway's, which concern the previous submission. */
export function useLimitsForm(first: LimitsForm, refused: Error | null, fields: readonly string[]) {
  const [form, setForm] = useState(first);
  const [found, setFound] = useState<LimitErrors>({});
  const sent = formErrors(refused, fields);
  return {
    form,
    change: (change: Partial<LimitsForm>) => setForm((known) => ({ ...known, ...change })),
    /** Read the form, and show its errors. */
    read: (): LimitsRead => {
      const read = readLimits(form);
      setFound(read.errors ?? {});
      return read;
    },
    errors: (field: keyof LimitErrors) => found[field] ?? sent.field(field),
    sent,
    troubled: Object.keys(found).length > 0 || refused !== null,
  };
}
