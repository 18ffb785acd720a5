"use client";
// The form that signing in, signing up and changing a password share: text fields, and one mutation that sends them.

import type { UseMutationResult } from "@tanstack/react-query";
import { type ComponentProps, type FormEvent, type ReactNode, useState } from "react";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { FormError } from "@/components/ui/form-error";
import { PasswordField } from "@/components/ui/password-field";
import { formErrors } from "@/lib/form/errors";
import { useFocusWrong } from "@/lib/form/focus";

/** What the fields hold, by their names. */
export type Values<Name extends string> = Record<Name, string>;
type FieldOf<Name extends string> = Omit<ComponentProps<typeof Field>, "value" | "error" | "onChange" | "name"> & {
  name: Name;
  secret?: boolean;
};

type PasswordFormProps<Name extends string> = {
  fields: readonly FieldOf<Name>[];
  sending: UseMutationResult<unknown, Error, Values<Name>>;
  /** The refusal to show, at the field it names if there is one. */
  refused: Error | null;
  submit: string;
  /** What success leads to: another page, or a cleared form that says `done`. */
  then: { leave: true } | { done: string };
  /** Shown above the fields. */
  children?: ReactNode;
};

export function PasswordForm<Name extends string>({
  fields,
  sending,
  refused,
  submit,
  then,
  children,
}: PasswordFormProps<Name>) {
  const empty = Object.fromEntries(fields.map(({ name }) => [name, ""])) as Values<Name>;
  const [values, setValues] = useState(empty);
  const form = useFocusWrong(refused);
  const names = fields.map(({ name }) => name);
  const errors = formErrors(refused, names);
  const leaves = "leave" in then;
  const busy = sending.isPending || (leaves && sending.isSuccess);
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!busy) sending.mutate(values, leaves ? {} : { onSuccess: () => setValues(empty) });
  };
  return (
    <form ref={form} onSubmit={send} className="space-y-4">
      {children}
      <FormError message={errors.general} />
      {fields.map(({ name, secret = false, ...field }) => {
        const Input = secret ? PasswordField : Field;
        return (
          <Input
            key={name}
            {...field}
            name={name}
            value={values[name]}
            error={errors.field(name)}
            onChange={(event) => setValues({ ...values, [name]: event.target.value })}
          />
        );
      })}
      {leaves ? (
        <Button type="submit" busy={busy} className="w-full">
          {submit}
        </Button>
      ) : (
        <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
          <Button type="submit" busy={busy}>
            {submit}
          </Button>
          <span role="status" className="text-sm text-accent-strong">
            {sending.isSuccess && then.done}
          </span>
        </div>
      )}
    </form>
  );
}
