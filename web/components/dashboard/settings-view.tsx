"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { answered, api } from "@/lib/api";
import { formErrors } from "@/lib/form";
import { useOrigin } from "@/lib/here";
import { useAccount } from "@/lib/queries";
import { applyTheme, storedTheme, THEMES, type Theme } from "@/lib/theme";
import { PageHeader } from "../page-header";
import { Button } from "../ui/button";
import { CopyButton } from "../ui/copy";
import { FormError } from "../ui/form-error";
import { Instant } from "../ui/instant";
import { Loaded, Panel, Skeleton } from "../ui/panel";
import { PasswordField } from "../ui/password-field";

export function SettingsView() {
  return (
    <>
      <PageHeader title="Settings" actions={<SignOut />}>
        The account, its password, and how this browser shows it.
      </PageHeader>
      <div className="grid items-start gap-6 lg:grid-cols-2">
        <Account />
        <Password />
        <Address />
        <Appearance />
      </div>
    </>
  );
}

function Account() {
  const account = useAccount();
  return (
    <Panel title="Account">
      <Loaded query={account} skeleton={<Skeleton className="h-44" />}>
        {(data) => (
          <dl className="divide-y">
            <Fact name="Name">{data.name}</Fact>
            <Fact name="E-mail">{data.email}</Fact>
            <Fact name="Account id">
              <code className="text-xs break-all">{data.account_id}</code>
              <CopyButton text={data.account_id} label="Copy the account id" />
            </Fact>
            <Fact name="Opened">
              <Instant at={data.created_at} />
            </Fact>
          </dl>
        )}
      </Loaded>
    </Panel>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="flex min-h-11 flex-wrap items-center justify-between gap-x-6 gap-y-1 py-1 text-sm">
      <dt className="text-muted">{name}</dt>
      <dd className="flex min-w-0 items-center gap-1 font-medium break-words">{children}</dd>
    </div>
  );
}

const FIELDS = ["current_password", "new_password"];

function Password() {
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
  const errors = formErrors(change.error, FIELDS);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!change.isPending) change.mutate();
  };
  return (
    <Panel title="Password">
      <form onSubmit={submit} className="space-y-4">
        <FormError message={errors.general} />
        <p
          role="status"
          className={change.isSuccess ? "rounded-lg bg-accent-soft px-3 py-2 text-sm text-accent-strong" : "sr-only"}
        >
          {change.isSuccess && "The password is changed. Other browsers are signed out."}
        </p>
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
          minLength={8}
          hint="At least 8 characters. Other browsers are signed out."
          value={wanted}
          error={errors.field("new_password")}
          onChange={(event) => setWanted(event.target.value)}
        />
        <Button type="submit" busy={change.isPending}>
          Change the password
        </Button>
      </form>
    </Panel>
  );
}

function Address() {
  const base = `${useOrigin()}/v1`;
  return (
    <Panel title="API address">
      <p className="text-sm text-muted">The base URL for OpenAI SDKs, and for everything that speaks their API.</p>
      <div className="mt-3 flex items-center justify-between gap-2 rounded-lg bg-sunken px-3 py-1.5">
        <code className="min-w-0 text-sm break-all">{base}</code>
        <CopyButton text={base} label="Copy the base URL" />
      </div>
    </Panel>
  );
}

const NAMES: Record<Theme, string> = { system: "As the system has it", light: "Light", dark: "Dark" };

function Appearance() {
  const [theme, setTheme] = useState<Theme>("system");
  useEffect(() => setTheme(storedTheme()), []);
  return (
    <Panel title="Appearance">
      <fieldset>
        <legend className="sr-only">Theme</legend>
        <div className="flex flex-wrap gap-2">
          {THEMES.map((each) => (
            <label
              key={each}
              className="flex min-h-10 items-center gap-2 rounded-lg border px-3 text-sm has-checked:border-accent has-checked:bg-accent-soft"
            >
              <input
                type="radio"
                name="theme"
                value={each}
                checked={theme === each}
                className="accent-accent"
                onChange={() => {
                  applyTheme(each);
                  setTheme(each);
                }}
              />
              {NAMES[each]}
            </label>
          ))}
        </div>
      </fieldset>
      <p className="mt-3 text-sm text-muted">Kept in this browser.</p>
    </Panel>
  );
}

function SignOut() {
  const client = useQueryClient();
  const router = useRouter();
  const signOut = useMutation({
    mutationFn: () => answered(api.DELETE("/api/session")),
    onSuccess: () => {
      router.replace("/login");
      client.clear();
    },
  });
  return (
    <>
      {signOut.error && <FormError message={signOut.error.message} />}
      <Button look="secondary" busy={signOut.isPending || signOut.isSuccess} onClick={() => signOut.mutate()}>
        Sign out
      </Button>
    </>
  );
}
