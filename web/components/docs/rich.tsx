import type { ReactNode } from "react";
import { Link } from "../ui/link";

const PARTS = /(`[^`]+`|\[[^\]]+\]\([^)]+\)|\*\*[^*]+\*\*)/;
const LINK = /^\[([^\]]+)\]\(([^)]+)\)$/;

/** Renders text with `code`, **bold** and [links](/path). */
export function rich(text: string): ReactNode[] {
  return text.split(PARTS).map((part, at) => {
    const key = `${at}`;
    const link = LINK.exec(part);
    if (link?.[1] && link[2]) return <RichLink key={key} label={link[1]} href={link[2]} />;
    if (part.startsWith("`")) return <InlineCode key={key}>{part.slice(1, -1)}</InlineCode>;
    if (part.startsWith("**")) return <strong key={key}>{part.slice(2, -2)}</strong>;
    return part;
  });
}

export function InlineCode({ children }: { children: string }) {
  return <code className="rounded-md border bg-sunken px-1 py-0.5 text-[0.85em] break-words">{children}</code>;
}

const LINKED = "font-medium text-accent underline decoration-accent/40 underline-offset-3 hover:decoration-accent";

function RichLink({ label, href }: { label: string; href: string }) {
  const inside = rich(label);
  // Files that the gateway serves, such as /openapi.json, are not pages of the site.
  if (!href.startsWith("/") || href.includes("."))
    return (
      <a href={href} className={LINKED}>
        {inside}
      </a>
    );
  return (
    <Link href={href} className={LINKED}>
      {inside}
    </Link>
  );
}
