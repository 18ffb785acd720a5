"use client";
// Signing up. The gateway answers alike for a known e-mail and an unknown one; what follows is an ordinary sign-in.

import { useMutation } from "@tanstack/react-query";
import { Link } from "@/components/ui/link";
import { ApiError, answered, api } from "@/lib/api/client";
import { formErrors, PASSWORD_LENGTH_MIN } from "@/lib/form/errors";
import { PasswordForm, type Values } from "./password-form";
import { useArrival } from "./use-arrival";

/** The sign-up succeeded but the sign-in did not: the e-mail has another password, or the sign-in failed. */
class NotSignedIn extends Error {
  constructor(readonly reason: Error) {
    super(reason.message);
  }
}

export function SignupForm() {
  const signUp = useMutation({ mutationFn: signUpAndIn, onSuccess: useArrival() });
  const stranded = signUp.error instanceof NotSignedIn ? signUp.error.reason : null;
  return (
    <PasswordForm
      sending={signUp}
      refused={stranded ? null : signUp.error}
      submit="Create account"
      then={{ leave: true }}
      fields={[
        { name: "email", label: "E-mail", type: "email", autoComplete: "username", required: true },
        {
          name: "password",
          label: "Password",
          secret: true,
          autoComplete: "new-password",
          required: true,
          minLength: PASSWORD_LENGTH_MIN,
          hint: `At least ${PASSWORD_LENGTH_MIN} characters.`,
        },
        {
          name: "name",
          label: "Account name",
          optional: true,
          autoComplete: "organization",
          maxLength: 100,
          hint: "A label that stays on the ledger for good. Do not include personal data.",
        },
      ]}
    >
      {stranded && <Stranded reason={stranded} />}
    </PasswordForm>
  );
}

/** Throws ApiError if the sign-up was refused, NotSignedIn if only the sign-in failed. */
async function signUpAndIn({ email, password, name }: Values<"email" | "password" | "name">): Promise<void> {
  const label = name.trim();
  await answered(api.POST("/api/signup", { body: { email, password, ...(label ? { name: label } : {}) } }));
  await answered(api.POST("/api/session", { body: { email, password } })).catch((error: Error) => {
    throw new NotSignedIn(error);
  });
}

function Stranded({ reason }: { reason: Error }) {
  const known = reason instanceof ApiError && reason.status === 401;
  return (
    <p role="alert" className="rounded-lg bg-warning-soft px-3 py-2 text-sm text-warning">
      {known
        ? "Sign-in failed. If this e-mail already has an account, that account keeps its own password. "
        : `You are signed up, but sign-in failed. ${formErrors(reason, []).general} `}
      <Link href="/login" className="font-medium underline">
        Go to sign-in
      </Link>
    </p>
  );
}
