"use client";

import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Field, SelectField } from "@/components/ui/field";
import { FormError } from "@/components/ui/form-error";
import { Loaded, Panel, Skeleton } from "@/components/ui/panel";
import { answered, api } from "@/lib/api/client";
import { KEYS, type Pack, useAutomaticTopUp, useChange, usePacks } from "@/lib/api/queries";
import {
  type Automatic,
  type AutomaticWanted,
  badgeOf,
  problemOf,
  readTerms,
  standingOf,
  type TermErrors,
  type Terms,
  termsOf,
} from "@/lib/billing/automatic";
import { formErrors } from "@/lib/form/errors";
import { useFocusWrong } from "@/lib/form/focus";
import { formatUsd, nanos } from "@/lib/money";

const FIELDS = ["pack", "threshold", "monthly_ceiling"];

/** Buys a pack automatically when the balance falls below a threshold. Not shown if no packs are sold. */
export function AutomaticTopUp() {
  const packs = usePacks();
  const automatic = useAutomaticTopUp((packs.data?.length ?? 0) > 0);
  const badge = automatic.data && badgeOf(automatic.data.state);
  const skeleton = <Skeleton className="h-12" />;
  if (packs.isError || packs.data?.length === 0) return null;
  return (
    <Panel title="Automatic top-up" actions={badge && <Badge tone={badge.tone}>{badge.label}</Badge>}>
      <Loaded query={packs} skeleton={skeleton}>
        {(sold) => (
          <Loaded query={automatic} skeleton={skeleton}>
            {(now) => (now.payment_method_saved ? <Switch now={now} packs={sold} /> : <NoMethod />)}
          </Loaded>
        )}
      </Loaded>
    </Panel>
  );
}

function NoMethod() {
  return (
    <div className="max-w-prose text-sm">
      <p className="font-medium">No payment method is saved yet.</p>
      <p className="mt-1 text-muted">
        Tick “Save the payment method” when you buy a pack. After that, credit can be bought automatically whenever the
        balance falls below a threshold, up to a monthly ceiling that you set.
      </p>
    </div>
  );
}

function Switch({ now, packs }: { now: Automatic; packs: readonly Pack[] }) {
  const client = useQueryClient();
  const [draft, setDraft] = useState<Partial<Terms>>({});
  const [wrong, setWrong] = useState<TermErrors | null>(null);
  const terms = { ...termsOf(now, packs), ...draft };
  const save = useChange(
    async (wanted: AutomaticWanted) => {
      const after = await answered(api.PUT("/api/automatic-top-up", { body: wanted }));
      client.setQueryData(KEYS.automatic, after);
      setDraft({});
    },
    [KEYS.automatic],
  );
  const edit = (change: Partial<Terms>) => {
    setDraft({ ...draft, ...change });
    setWrong(null);
    save.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const read = readTerms(terms, packs);
    setWrong("pack" in read ? null : read);
    if ("pack" in read && !save.isPending) save.mutate(read);
  };
  const switchOff = () => {
    if (save.isPending) return;
    setWrong(null);
    save.mutate({
      enabled: false,
      pack: termsOf(now, packs).pack,
      threshold: now.threshold,
      monthly_ceiling: now.monthly_ceiling,
    });
  };
  const form = useFocusWrong(wrong ?? save.error);
  const errors = formErrors(save.error, FIELDS);
  const standing = standingOf(now, packs);
  return (
    <form ref={form} onSubmit={submit} noValidate className="space-y-4">
      {standing && <p className="text-sm text-muted">{standing}</p>}
      <FormError message={problemOf(now)} />
      <FormError message={errors.general} />
      <div className="grid items-start gap-4 md:grid-cols-3">
        <SelectField
          label="Buy"
          value={terms.pack}
          error={errors.field("pack")}
          onChange={(event) => edit({ pack: event.target.value })}
        >
          {packs.map((pack) => (
            <option key={pack.id} value={pack.id}>
              {pack.name}: {formatUsd(nanos(pack.credit_nanos))} of credit
            </option>
          ))}
        </SelectField>
        <Field
          label="When the balance falls below"
          inputMode="decimal"
          autoComplete="off"
          value={terms.threshold}
          hint="In USD."
          error={wrong?.threshold ?? errors.field("threshold")}
          onChange={(event) => edit({ threshold: event.target.value })}
        />
        <Field
          label="Monthly ceiling"
          inputMode="decimal"
          autoComplete="off"
          value={terms.ceiling}
          hint="Credit in USD, per UTC month."
          error={wrong?.monthly_ceiling ?? errors.field("monthly_ceiling")}
          onChange={(event) => edit({ ceiling: event.target.value })}
        />
      </div>
      <div className="flex flex-wrap items-center gap-2">
        <Button type="submit" busy={save.isPending && save.variables.enabled}>
          {now.enabled ? "Save" : "Switch on"}
        </Button>
        {now.enabled && (
          <Button look="secondary" busy={save.isPending && !save.variables.enabled} onClick={switchOff}>
            Switch off
          </Button>
        )}
        <span role="status" className="text-sm text-muted">
          {save.isSuccess && (save.variables.enabled ? "Saved." : "Switched off.")}
        </span>
      </div>
    </form>
  );
}
