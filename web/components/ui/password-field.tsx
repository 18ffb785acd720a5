"use client";

import { Eye, EyeOff } from "lucide-react";
import { type ComponentProps, useState } from "react";
import { Field } from "./field";

type PasswordFieldProps = Omit<ComponentProps<typeof Field>, "type">;

/** A password field with a button that shows the password. */
export function PasswordField(props: PasswordFieldProps) {
  const [shown, setShown] = useState(false);
  const Icon = shown ? EyeOff : Eye;
  return (
    <div className="relative [&_input]:pr-11">
      <Field {...props} type={shown ? "text" : "password"} spellCheck={false} autoCapitalize="none" />
      <button
        type="button"
        aria-label={shown ? "Hide the password" : "Show the password"}
        onClick={() => setShown(!shown)}
        className="absolute top-6.5 right-1 grid size-10 place-items-center rounded-lg text-muted hover:text-text"
      >
        <Icon aria-hidden="true" className="size-4.5" />
      </button>
    </div>
  );
}
