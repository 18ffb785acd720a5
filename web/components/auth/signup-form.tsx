"use client";
// Signing up. A known e-mail and an unknown one are answered alike; what follows is an ordinary sign-in.

import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError, answered, api } from "@/lib/api";
import { useFocusWrong } from "@/lib/focus";
import { formErrors, PASSWORD_LENGTH_MIN } from "@/lib/form";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { FormError } from "../ui/form-error";
import { Link } from "../ui/link";
import { PasswordField } from "../ui/password-field";
import { useArrival } from "./use-arrival";

const FIELDS = ["email", "password", "name"];

/** Signed up, and not signed in: the e-mail has another password, or signing in did not work. */
class NotSignedIn extends Error {
  constructor(readonly reason: Error) {
    super(reason.message);
  }
}

export function SignupForm() {
  const arrive = useArrival();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [name, setName] = useState("");
  const signUp = useMutation({
    mutationFn: async () => {
      await answered(
        api.POST("/api/signup", { body: { email, password, ...(name.trim() ? { name: name.trim() } : {}) } }),
      );
      await answered(api.POST("/api/session", { body: { email, password } })).catch((error: Error) => {
        throw new NotSignedIn(error);
      });
    },
    onSuccess: arrive,
  });
  const stranded = signUp.error instanceof NotSignedIn ? signUp.error.reason : null;
  const errors = formErrors(stranded ? null : signUp.error, FIELDS);
  const form = useFocusWrong(signUp.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!signUp.isPending && !signUp.isSuccess) signUp.mutate();
  };
  return (
    <form ref={form} onSubmit={submit} className="space-y-4">
      <FormError message={errors.general} />
      {stranded && <Stranded reason={stranded} />}
      <Field
        label="E-mail"
        type="email"
        name="email"
        autoComplete="username"
        required
        value={email}
        error={errors.field("email")}
        onChange={(event) => setEmail(event.target.value)}
      />
      <PasswordField
        label="Password"
        name="password"
        autoComplete="new-password"
        required
        minLength={PASSWORD_LENGTH_MIN}
        hint={`At least ${PASSWORD_LENGTH_MIN} characters.`}
        value={password}
        error={errors.field("password")}
        onChange={(event) => setPassword(event.target.value)}
      />
      <Field
        label="Account name"
        name="name"
        optional
        autoComplete="organization"
        maxLength={100}
        hint="A label that stays on the ledger for good. Put no personal data into it."
        value={name}
        error={errors.field("name")}
        onChange={(event) => setName(event.target.value)}
      />
      <Button type="submit" busy={signUp.isPending || signUp.isSuccess} className="w-full">
        Create the account
      </Button>
    </form>
  );
}

function Stranded({ reason }: { reason: Error }) {
  const known = reason instanceof ApiError && reason.status === 401;
  return (
    <p role="alert" className="rounded-lg bg-warning-soft px-3 py-2 text-sm text-warning">
      {known
        ? "Signing in did not work. If this e-mail has an account already, that account keeps its own password. "
        : `You are signed up, but signing in did not work. ${formErrors(reason, []).general} `}
      <Link href="/login" className="font-medium underline">
        Go to sign-in
      </Link>
    </p>
  );
}
