"use client";

import { useMutation } from "@tanstack/react-query";
import { Monitor, Moon, Sun } from "lucide-react";
import type { ReactNode } from "react";
import { PageHeader } from "@/components/page-header";
import { Button } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy";
import { FormError } from "@/components/ui/form-error";
import { Instant } from "@/components/ui/instant";
import { Loaded, Panel, Skeleton } from "@/components/ui/panel";
import { answered, api } from "@/lib/api/client";
import { useAccount } from "@/lib/api/queries";
import { useOrigin } from "@/lib/navigation/here";
import { rememberSignedIn } from "@/lib/session/signed-in";
import { THEMES, type Theme } from "@/lib/theme/theme";
import { useTheme } from "@/lib/theme/use-theme";
import { PasswordSettings } from "./password";

export function SettingsView() {
  return (
    <>
      <PageHeader title="Settings" actions={<SignOut />}>
        Your account, its password, and the appearance in this browser.
      </PageHeader>
      <div className="grid items-start gap-6 lg:grid-cols-2">
        <div className="grid min-w-0 gap-6">
          <Account />
          <Address />
        </div>
        <div className="grid min-w-0 gap-6">
          <PasswordSettings />
          <Appearance />
        </div>
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
            <Fact name="Account ID">
              <code className="text-xs break-all">{data.account_id}</code>
              <CopyButton text={data.account_id} label="Copy the account ID" />
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

function Address() {
  const base = `${useOrigin()}/v1`;
  return (
    <Panel title="API base URL">
      <p className="text-sm text-muted">The base URL for OpenAI SDKs and any other OpenAI-compatible client.</p>
      <div className="mt-3 flex items-center justify-between gap-2 rounded-lg bg-sunken px-3 py-1.5">
        <code className="min-w-0 text-sm break-all">{base}</code>
        <CopyButton text={base} label="Copy the base URL" />
      </div>
    </Panel>
  );
}

const CHOICES: Record<Theme, { name: string; icon: typeof Sun }> = {
  system: { name: "System", icon: Monitor },
  light: { name: "Light", icon: Sun },
  dark: { name: "Dark", icon: Moon },
};

function Appearance() {
  const [theme, setTheme] = useTheme();
  return (
    <Panel title="Appearance">
      <fieldset>
        <legend className="sr-only">Theme</legend>
        <div className="grid grid-cols-3 gap-2">
          {THEMES.map((each) => {
            const { name, icon: Icon } = CHOICES[each];
            return (
              <label
                key={each}
                className="flex min-h-16 flex-col items-center justify-center gap-1 rounded-lg border text-sm has-checked:border-accent has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent"
              >
                <input
                  type="radio"
                  name="theme"
                  value={each}
                  checked={theme === each}
                  className="sr-only"
                  onChange={() => setTheme(each)}
                />
                <Icon aria-hidden="true" className="size-4.5 text-muted" />
                {name}
              </label>
            );
          })}
        </div>
      </fieldset>
      <p className="mt-3 text-sm text-muted">Saved in this browser.</p>
    </Panel>
  );
}

/** Reloads the page after signing out, so that no account data stays in memory. */
function SignOut() {
  const signOut = useMutation({
    mutationFn: () => answered(api.DELETE("/api/session")),
    onSuccess: () => {
      rememberSignedIn(false);
      window.location.replace("/login");
    },
  });
  return (
    <>
      <FormError message={signOut.error?.message ?? null} />
      <Button look="secondary" busy={signOut.isPending || signOut.isSuccess} onClick={() => signOut.mutate()}>
        Sign out
      </Button>
    </>
  );
}
