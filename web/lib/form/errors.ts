// Errors of a refused form: each appears at the field that it names, or on the form as a whole.

import { ApiError } from "@/lib/api/client";

/** The gateway's only rule for passwords. The gateway enforces it as well. */
export const PASSWORD_LENGTH_MIN = 8;

export type FormErrors = { field: (name: string) => string | null; general: string | null };

/** `fields`: the names of the form's fields. An error about anything else is general. */
export function formErrors(error: Error | null, fields: readonly string[]): FormErrors {
  const param = error instanceof ApiError && error.param !== null && fields.includes(error.param) ? error.param : null;
  const message = error === null ? null : messageOf(error);
  return { field: (name) => (name === param ? message : null), general: param === null ? message : null };
}

function messageOf(error: Error): string {
  if (error instanceof ApiError && error.status === 429 && error.retryAfterSeconds !== null) {
    return `Too many attempts. Try again in ${inWords(error.retryAfterSeconds)}.`;
  }
  return error.message;
}

/** "40 seconds", "3 minutes" */
export function inWords(seconds: number): string {
  const [count, unit] =
    seconds < 90 ? [Math.max(1, Math.ceil(seconds)), "second"] : [Math.ceil(seconds / 60), "minute"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
