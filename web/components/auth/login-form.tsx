"use client";
// Signing in, with a password or with a one-time link that carries its token in the URL fragment.

import { useMutation } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Button, Spinner } from "@/components/ui/button";
import { FormError } from "@/components/ui/form-error";
import { ApiError, answered, api } from "@/lib/api/client";
import { formErrors } from "@/lib/form/errors";
import { takeToken } from "@/lib/session/link-token";
import { wasSignedIn } from "@/lib/session/signed-in";
import { PasswordForm, type Values } from "./password-form";
import { useArrival, useSignedInAlready } from "./use-arrival";

const LINK_REFUSED =
  "This link is no longer valid. A link works once, for 15 minutes. Sign in with your password, or request a new link.";

export function LoginForm() {
  const arrive = useArrival();
  const { token, link } = useLink(arrive);
  const signIn = useMutation({
    mutationFn: (body: Values<"email" | "password">) => answered(api.POST("/api/session", { body })),
    onSuccess: arrive,
  });
  useSignedInAlready(arrive, token === null && signIn.isIdle);
  if (token !== null && link.isIdle && signIn.isIdle) return <UseLink use={() => link.mutate(token)} />;
  if (link.isPending || link.isSuccess) {
    return (
      <p role="status" className="flex items-center justify-center gap-3 py-10 text-sm">
        <Spinner /> Signing you in with the link…
      </p>
    );
  }
  return (
    <PasswordForm
      sending={signIn}
      refused={signIn.error}
      submit="Sign in"
      then={{ leave: true }}
      fields={[
        { name: "email", label: "E-mail", type: "email", autoComplete: "username", required: true },
        { name: "password", label: "Password", secret: true, autoComplete: "current-password", required: true },
      ]}
    >
      {link.error && signIn.isIdle && <LinkFailed error={link.error} retry={() => link.mutate(link.variables)} />}
    </PasswordForm>
  );
}

/** The link is used on a click, never automatically: software that only fetches it ends no session and does not use it up. */
function UseLink({ use }: { use: () => void }) {
  return (
    <div className="space-y-4">
      <p className="text-sm">
        This link signs you in once.
        {wasSignedIn() && " It ends the session that is open in this browser."}
      </p>
      <Button className="w-full" onClick={use}>
        Sign in with this link
      </Button>
    </div>
  );
}

/** A refusal is final. After any other failure the link may still be valid. */
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

/** The token in the fragment, which is removed from the address bar first of all, and the mutation that uses it. */
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
