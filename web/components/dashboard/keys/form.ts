// What the two forms of a key share: their values, and whose error is shown where.

import { useState } from "react";
import { formErrors } from "@/lib/form/errors";
import { type LimitErrors, type LimitsForm, type LimitsRead, readLimits } from "@/lib/keys/limits";

/** Errors found here go before the gateway's, which are about what was sent before. */
export function useLimitsForm(first: LimitsForm, refused: Error | null, fields: readonly string[]) {
  const [form, setForm] = useState(first);
  const [found, setFound] = useState<LimitErrors>({});
  const sent = formErrors(refused, fields);
  return {
    form,
    change: (change: Partial<LimitsForm>) => setForm((known) => ({ ...known, ...change })),
    /** Reads the form, and shows what is wrong with it. */
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
