import { Link } from "./ui/link";

/** Two balancing ledger lines: one in, one out. */
export function Logo() {
  return (
    <Link href="/" className="flex items-center gap-2.5 font-semibold tracking-tight">
      <svg
        aria-hidden="true"
        viewBox="0 0 24 24"
        className="size-6 text-accent"
        fill="none"
        stroke="currentColor"
        strokeWidth="2.5"
      >
        <path d="M4 8h9a4 4 0 0 1 0 8h-2" strokeLinecap="round" />
        <path d="M20 16h-4" strokeLinecap="round" />
        <circle cx="6" cy="16" r="2" fill="currentColor" stroke="none" />
      </svg>
      Realrouter
    </Link>
  );
}
