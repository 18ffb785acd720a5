"use client";

import { type RefObject, useEffect, useRef } from "react";

/** Focus the form's first invalid field whenever `wrong` changes to a truthy value. */
export function useFocusWrong(wrong: unknown): RefObject<HTMLFormElement | null> {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (wrong) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [wrong]);
  return form;
}
