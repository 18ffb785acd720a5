import { LayoutDashboard } from "lucide-react";
import { Logo } from "./logo";
import { ThemeSwitch } from "./theme-switch";
import { LinkButton } from "./ui/button";
import { Link } from "./ui/link";

const LINKS = [
  { href: "/docs", label: "Docs" },
  { href: "/models", label: "Models" },
];

/** The header of the public pages. */
export function SiteHeader() {
  return (
    <header className="sticky top-0 z-30 border-b bg-page/90 backdrop-blur">
      <a
        href="#main"
        className="sr-only rounded-lg bg-accent px-4 py-2 text-on-accent focus:not-sr-only focus:absolute focus:top-2 focus:left-2"
      >
        Skip to content
      </a>
      <div className="mx-auto flex h-16 max-w-7xl items-center justify-between gap-4 px-4 sm:px-6">
        <Logo />
        <nav aria-label="Site" className="flex items-center gap-1 sm:gap-2">
          {LINKS.map(({ href, label }) => (
            <Link
              key={href}
              href={href}
              className="rounded-lg px-2 py-2 text-sm font-medium text-muted hover:text-text sm:px-3"
            >
              {label}
            </Link>
          ))}
          <ThemeSwitch />
          <LinkButton href="/dashboard" look="secondary" className="max-sm:px-2.5">
            <LayoutDashboard aria-hidden="true" className="size-4 sm:hidden" />
            <span className="max-sm:sr-only">Dashboard</span>
          </LinkButton>
        </nav>
      </div>
    </header>
  );
}
