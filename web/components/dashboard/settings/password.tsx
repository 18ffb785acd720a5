"use client";

import { useMutation } from "@tanstack/react-query";
import { PasswordForm, type Values } from "@/components/auth/password-form";
import { Panel } from "@/components/ui/panel";
import { ApiError, answered, api } from "@/lib/api/client";
import { useAccount } from "@/lib/api/queries";
import { PASSWORD_LENGTH_MIN } from "@/lib/form/errors";

/** The form is shown while the account loads, because nearly every account has a password. */
export function PasswordSettings() {
  const account = useAccount();
  return <Panel title="Password">{account.data?.has_password === false ? <LinksOnly /> : <ChangePassword />}</Panel>;
}

function LinksOnly() {
  return (
    <p className="text-sm text-muted">
      This account has no password: you sign in with one-time links. The operator creates them, and can set a password.
    </p>
  );
}

function ChangePassword() {
  const change = useMutation({
    mutationFn: (body: Values<"current_password" | "new_password">) => answered(api.POST("/api/password", { body })),
  });
  return (
    <PasswordForm
      sending={change}
      refused={atItsField(change.error)}
      submit="Change password"
      then={{ done: "Password changed. Other browsers are signed out." }}
      fields={[
        {
          name: "current_password",
          label: "Current password",
          secret: true,
          autoComplete: "current-password",
          required: true,
        },
        {
          name: "new_password",
          label: "New password",
          secret: true,
          autoComplete: "new-password",
          required: true,
          minLength: PASSWORD_LENGTH_MIN,
          hint: `At least ${PASSWORD_LENGTH_MIN} characters. Other browsers are signed out.`,
        },
      ]}
    />
  );
}

/** The session says who the account is, so invalid credentials can only mean the current password. */
function atItsField(error: Error | null): Error | null {
  if (!(error instanceof ApiError) || error.code !== "invalid_credentials") return error;
  return new ApiError("The current password is incorrect.", error.status, error.code, "current_password");
}
