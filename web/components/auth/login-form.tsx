"use client";
// Signing in, by password or by a one-time link whose token stands in the fragment.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { answered, api } from "@/lib/api";
import { formErrors } from "@/lib/form";
import { nextPath } from "@/lib/next-path";
import { Button, Spinner } from "../ui/button";
import { Field } from "../ui/field";
import { FormError } from "../ui/form-error";
import { PasswordField } from "../ui/password-field";

const FIELDS = ["email", "password"];

export function LoginForm() {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const arrive = useArrival();
  const link = useLink(arrive);
  const signIn = useMutation({
    mutationFn: () => answered(api.POST("/api/session", { body: { email, password } })),
    onSuccess: arrive,
  });
  if (link === "working") {
    return (
      <p role="status" className="flex items-center justify-center gap-3 py-10 text-sm">
        <Spinner /> Signing you in with the link…
      </p>
    );
  }
  const errors = formErrors(signIn.error, FIELDS);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!signIn.isPending) signIn.mutate();
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      {link === "refused" && !signIn.error && (
        <FormError message="This link is not valid any more. A link works once, for 15 minutes: sign in with your password, or ask for a new one." />
      )}
      <FormError message={errors.general} />
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
        autoComplete="current-password"
        required
        value={password}
        error={errors.field("password")}
        onChange={(event) => setPassword(event.target.value)}
      />
      <Button type="submit" busy={signIn.isPending || signIn.isSuccess} className="w-full">
        Sign in
      </Button>
    </form>
  );
}

/** On to where the visitor wanted to go, with nothing left of whoever was signed in before. */
function useArrival(): () => void {
  const client = useQueryClient();
  const router = useRouter();
  return () => {
    client.clear();
    router.replace(nextPath(new URLSearchParams(window.location.search).get("next")));
  };
}

/** Uses the token of the fragment, once; it leaves the address bar before anything else happens. */
function useLink(arrive: () => void): "none" | "working" | "refused" {
  const [state, setState] = useState<"none" | "working" | "refused">("none");
  const latest = useRef(arrive);
  latest.current = arrive;
  useEffect(() => {
    const token = new URLSearchParams(window.location.hash.slice(1)).get("token");
    if (!token) return;
    window.history.replaceState(null, "", window.location.pathname + window.location.search);
    setState("working");
    answered(api.POST("/api/session/link", { body: { token } })).then(
      () => latest.current(),
      () => setState("refused"),
    );
  }, []);
  return state;
}
