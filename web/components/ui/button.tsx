import { clsx } from "clsx";
import type { ComponentProps, ReactNode } from "react";
import { Link } from "./link";

type Look = "primary" | "secondary" | "quiet" | "danger";
type Size = "small" | "normal";

const LOOKS: Record<Look, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong",
  secondary: "border border-line-strong/60 bg-surface text-text hover:bg-sunken",
  quiet: "text-muted hover:bg-sunken hover:text-text",
  danger: "bg-danger text-page hover:opacity-90",
};
const SIZES: Record<Size, string> = { small: "min-h-8 px-2.5 text-sm", normal: "min-h-10 px-4 text-sm" };

/** A button's classes, for elements that only look like one. */
export function buttonClass(look: Look = "primary", size: Size = "normal", className?: string): string {
  return clsx(
    "inline-flex items-center justify-center gap-2 rounded-lg font-medium whitespace-nowrap transition-colors",
    "disabled:cursor-not-allowed disabled:opacity-60",
    LOOKS[look],
    SIZES[size],
    className,
  );
}

type ButtonProps = ComponentProps<"button"> & { look?: Look; size?: Size; busy?: boolean };

/** `busy`: the action is in progress; the button keeps its focus and ignores clicks. */
export function Button({ look, size, busy = false, className, children, onClick, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
      className={buttonClass(look, size, clsx(busy && "opacity-70", className))}
    >
      {busy && <Spinner />}
      {children}
    </button>
  );
}

type LinkButtonProps = ComponentProps<typeof Link> & { look?: Look; size?: Size; children: ReactNode };

export function LinkButton({ look, size, className, ...rest }: LinkButtonProps) {
  return <Link {...rest} className={buttonClass(look, size, className)} />;
}

export function Spinner() {
  return (
    <span
      aria-hidden="true"
      className="size-3.5 animate-spin rounded-full border-2 border-current border-r-transparent"
    />
  );
}
