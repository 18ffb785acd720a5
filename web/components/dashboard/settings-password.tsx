"use client";

import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError, answered, api } from "@/lib/api";
import { useFocusWrong } from "@/lib/focus";
import { formErrors, PASSWORD_LENGTH_MIN } from "@/lib/form";
import { useAccount } from "@/lib/queries";
import { Button } from "../ui/button";
import { FormError } from "../ui/form-error";
import { Panel } from "../ui/panel";
import { PasswordField } from "../ui/password-field";

const FIELDS = ["current_password", "new_password"];

/** The form is there while the account is not: nearly everybody has a password. */
export function PasswordSettings() {
  const account = useAccount();
  return <Panel title="Password">{account.data?.has_password === false ? <LinksAlone /> : <ChangePassword />}</Panel>;
}

function LinksAlone() {
  return (
    <p className="text-sm text-muted">
      This account has no password: one-time links sign you in. Its operator makes them, and can set a password.
    </p>
  );
}

function ChangePassword() {
  const [current, setCurrent] = useState("");
  const [wanted, setWanted] = useState("");
  const change = useMutation({
    mutationFn: () =>
      answered(api.POST("/api/password", { body: { current_password: current, new_password: wanted } })),
    onSuccess: () => {
      setCurrent("");
      setWanted("");
    },
  });
  const form = useFocusWrong(change.error);
  const errors = formErrors(atItsField(change.error), FIELDS);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!change.isPending) change.mutate();
  };
  return (
    <form ref={form} onSubmit={submit} className="space-y-4">
      <FormError message={errors.general} />
      <PasswordField
        label="Current password"
        name="current_password"
        autoComplete="current-password"
        required
        value={current}
        error={errors.field("current_password")}
        onChange={(event) => setCurrent(event.target.value)}
      />
      <PasswordField
        label="New password"
        name="new_password"
        autoComplete="new-password"
        required
        minLength={PASSWORD_LENGTH_MIN}
        hint={`At least ${PASSWORD_LENGTH_MIN} characters. Other browsers are signed out.`}
        value={wanted}
        error={errors.field("new_password")}
        onChange={(event) => setWanted(event.target.value)}
      />
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <Button type="submit" busy={change.isPending}>
          Change the password
        </Button>
        <span role="status" className="text-sm text-accent-strong">
          {change.isSuccess && "Changed. Other browsers are signed out."}
        </span>
      </div>
    </form>
  );
}

/** Wrong credentials can only be the current password here: who is asking is known. */
function atItsField(error: Error | null): Error | null {
  if (!(error instanceof ApiError) || error.code !== "invalid_credentials") return error;
  return new ApiError("This is not the current password.", error.status, error.code, "current_password");
}
