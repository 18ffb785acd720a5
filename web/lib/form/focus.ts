"use client";

import { type RefObject, useEffect, useRef } from "react";

/** For a form: its first field that is wrong takes the focus, each time that something new is. */
export function useFocusWrong(wrong: unknown): RefObject<HTMLFormElement | null> {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (wrong) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [wrong]);
  return form;
}
