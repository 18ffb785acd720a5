"use client";
// Signing in, by password or by a one-time link whose token stands in the fragment.

import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { ApiError, answered, api } from "@/lib/api";
import { useFocusWrong } from "@/lib/focus";
import { formErrors } from "@/lib/form";
import { takeToken } from "@/lib/link-token";
import { wasSignedIn } from "@/lib/signed-in";
import { Button, Spinner } from "../ui/button";
import { Field } from "../ui/field";
import { FormError } from "../ui/form-error";
import { PasswordField } from "../ui/password-field";
import { useArrival, useSignedInAlready } from "./use-arrival";

const FIELDS = ["email", "password"];
const LINK_REFUSED =
  "This link does not work any more. A link works once, for 15 minutes. Sign in with your password, or ask for a new link.";

export function LoginForm() {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const arrive = useArrival();
  const { token, link } = useLink(arrive);
  const signIn = useMutation({
    mutationFn: () => answered(api.POST("/api/session", { body: { email, password } })),
    onSuccess: arrive,
  });
  const form = useFocusWrong(signIn.error);
  useSignedInAlready(arrive, token === null && signIn.isIdle);
  if (token !== null && link.isIdle && signIn.isIdle) return <UseLink use={() => link.mutate(token)} />;
  if (link.isPending || link.isSuccess) {
    return (
      <p role="status" className="flex items-center justify-center gap-3 py-10 text-sm">
        <Spinner /> Signing you in with the link…
      </p>
    );
  }
  const errors = formErrors(signIn.error, FIELDS);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!signIn.isPending && !signIn.isSuccess) signIn.mutate();
  };
  return (
    <form ref={form} onSubmit={submit} className="space-y-4">
      {link.error && signIn.isIdle && <LinkFailed error={link.error} retry={() => link.mutate(link.variables)} />}
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

/** Asked for, never by itself: what only reads a link ends no session, and does not use it up. */
function UseLink({ use }: { use: () => void }) {
  return (
    <div className="space-y-4">
      <p className="text-sm">
        This link signs you in, once.
        {wasSignedIn() && " Whoever is signed in here now is signed out."}
      </p>
      <Button className="w-full" onClick={use}>
        Sign in with this link
      </Button>
    </div>
  );
}

/** A refusal is final; after anything else, the link may be good still. */
function LinkFailed({ error, retry }: { error: Error; retry: () => void }) {
  if (error instanceof ApiError && (error.status === 400 || error.status === 401)) {
    return <FormError message={LINK_REFUSED} />;
  }
  return (
    <div className="space-y-2">
      <FormError message={`The link could not be used. ${formErrors(error, []).general}`} />
      <Button look="secondary" size="small" onClick={retry}>
        Try the link again
      </Button>
    </div>
  );
}

/** The token of the fragment, which leaves the address bar before anything else happens, and what uses it. */
function useLink(arrive: () => void) {
  const [token, setToken] = useState<string | null>(null);
  const link = useMutation({
    mutationFn: (given: string) => answered(api.POST("/api/session/link", { body: { token: given } })),
    onSuccess: arrive,
  });
  const { reset } = link;
  useEffect(() => {
    const take = () => {
      const given = takeToken();
      if (given === null) return;
      setToken(given);
      reset();
    };
    take();
    window.addEventListener("hashchange", take);
    return () => window.removeEventListener("hashchange", take);
  }, [reset]);
  return { token, link };
}
