"use client";

import { type FormEvent, useState } from "react";
import { ApiError, answered, api, type Schemas } from "@/lib/api";
import { formErrors } from "@/lib/form";
import { formatUsd, nanos, parseUsd, toDecimal } from "@/lib/money";
import { KEYS, type Pack, useAutomaticTopUp, useChange, usePacks } from "@/lib/queries";
import { Badge, type Tone } from "../ui/badge";
import { Button } from "../ui/button";
import { Field, SelectField } from "../ui/field";
import { FormError } from "../ui/form-error";
import { Empty, Loaded, Panel, Skeleton } from "../ui/panel";

type Automatic = Schemas["AutomaticShown"];
type Wanted = Schemas["AutomaticWanted"];

const FIELDS = ["pack", "threshold", "monthly_ceiling"];
const STATES: Record<Automatic["state"], { said: string; tone: Tone }> = {
  off: { said: "Off", tone: "neutral" },
  armed: { said: "On", tone: "good" },
  charging: { said: "Charging now", tone: "good" },
  charged: { said: "Charged, being credited", tone: "good" },
  ceiling: { said: "Waiting: this month's ceiling is reached", tone: "warning" },
};

/** Buys a pack by itself when the balance falls below a threshold. */
export function AutomaticTopUp() {
  const automatic = useAutomaticTopUp();
  const packs = usePacks();
  const off = automatic.error instanceof ApiError && automatic.error.code === "checkout_disabled";
  if (off || packs.data?.length === 0) return null;
  return (
    <Panel
      title="Automatic top-up"
      actions={
        automatic.data && <Badge tone={STATES[automatic.data.state].tone}>{STATES[automatic.data.state].said}</Badge>
      }
    >
      <Loaded query={automatic} skeleton={<Skeleton className="h-28" />}>
        {(data) => (
          <Loaded query={packs} skeleton={<Skeleton className="h-28" />}>
            {(sold) =>
              data.payment_method_saved ? (
                <Terms
                  key={`${data.enabled} ${data.pack} ${data.threshold} ${data.monthly_ceiling}`}
                  now={data}
                  packs={sold}
                />
              ) : (
                <Empty title="No payment method is saved">
                  Tick “Save the payment method” when you buy a pack. Then credit can be added by itself, up to a
                  monthly ceiling of yours.
                </Empty>
              )
            }
          </Loaded>
        )}
      </Loaded>
    </Panel>
  );
}

function Terms({ now, packs }: { now: Automatic; packs: readonly Pack[] }) {
  const [pack, setPack] = useState(now.pack ?? packs[0]?.id ?? "");
  const [threshold, setThreshold] = useState(now.enabled || now.pack ? now.threshold : "5.00");
  const [ceiling, setCeiling] = useState(now.enabled || now.pack ? now.monthly_ceiling : "100.00");
  const save = useChange(
    (wanted: Wanted) => answered(api.PUT("/api/automatic-top-up", { body: wanted })),
    [KEYS.automatic],
  );
  const [checked, setChecked] = useState(false);
  const errors = formErrors(save.error, FIELDS);
  const wanted = (enabled: boolean): Wanted | null => {
    const [below, most] = [parseUsd(threshold), parseUsd(ceiling)];
    if (below === null || most === null) return null;
    return { enabled, pack, threshold: toDecimal(below), monthly_ceiling: toDecimal(most) };
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    const terms = wanted(true);
    if (terms && !save.isPending) save.mutate(terms);
  };
  const bad = (text: string) => (checked && parseUsd(text) === null ? "An amount in USD, such as 5.00." : null);
  return (
    <form onSubmit={submit} className="space-y-4">
      {now.problem && <FormError message={now.problem} />}
      <FormError message={errors.general} />
      <div className="grid gap-4 sm:grid-cols-3">
        <SelectField
          label="Buy"
          value={pack}
          error={errors.field("pack")}
          onChange={(event) => setPack(event.target.value)}
        >
          {packs.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}: {formatUsd(nanos(one.credit_nanos))} of credit
            </option>
          ))}
        </SelectField>
        <Field
          label="When available falls below"
          inputMode="decimal"
          value={threshold}
          hint="In USD."
          error={bad(threshold) ?? errors.field("threshold")}
          onChange={(event) => setThreshold(event.target.value)}
        />
        <Field
          label="At most in a month"
          inputMode="decimal"
          value={ceiling}
          hint="Credit in USD, by UTC month."
          error={bad(ceiling) ?? errors.field("monthly_ceiling")}
          onChange={(event) => setCeiling(event.target.value)}
        />
      </div>
      <div className="flex flex-wrap gap-2">
        <Button type="submit" busy={save.isPending && save.variables.enabled}>
          {now.enabled ? "Save" : "Switch on"}
        </Button>
        {now.enabled && (
          <Button
            look="secondary"
            busy={save.isPending && !save.variables.enabled}
            onClick={() =>
              save.mutate({ enabled: false, pack, threshold: now.threshold, monthly_ceiling: now.monthly_ceiling })
            }
          >
            Switch off
          </Button>
        )}
      </div>
    </form>
  );
}
