"use client";
// Signing up. A known e-mail and an unknown one are answered alike; what follows is an ordinary sign-in.

import { useMutation } from "@tanstack/react-query";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { type FormEvent, useState } from "react";
import { ApiError, answered, api } from "@/lib/api";
import { formErrors } from "@/lib/form";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { FormError } from "../ui/form-error";
import { PasswordField } from "../ui/password-field";

const FIELDS = ["email", "password", "name"];
const PASSWORD_LENGTH_MIN = 8;

class NotNew extends Error {}

export function SignupForm() {
  const router = useRouter();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [name, setName] = useState("");
  const signUp = useMutation({
    mutationFn: async () => {
      await answered(
        api.POST("/api/signup", { body: { email, password, ...(name.trim() ? { name: name.trim() } : {}) } }),
      );
      await signIn(email, password);
    },
    onSuccess: () => router.replace("/dashboard"),
  });
  const known = signUp.error instanceof NotNew;
  const errors = formErrors(known ? null : signUp.error, FIELDS);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!signUp.isPending) signUp.mutate();
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      <FormError message={errors.general} />
      {known && (
        <p role="alert" className="rounded-lg bg-warning-soft px-3 py-2 text-sm text-warning">
          If this e-mail has an account already, its password is another one.{" "}
          <Link href="/login" className="font-medium underline">
            Sign in
          </Link>{" "}
          with that.
        </p>
      )}
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
        hint="A label on the ledger, kept for good: no personal data."
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

/** Raises NotNew where the password is not this account's: then it was there before. */
async function signIn(email: string, password: string): Promise<void> {
  try {
    await answered(api.POST("/api/session", { body: { email, password } }));
  } catch (error) {
    throw error instanceof ApiError && error.status === 401 ? new NotNew() : error;
  }
}
