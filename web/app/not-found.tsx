import type { Metadata } from "next";
import { SiteFooter } from "@/components/site-footer";
import { SiteHeader } from "@/components/site-header";
import { LinkButton } from "@/components/ui/button";

export const metadata: Metadata = { title: "Not found" };

export default function NotFound() {
  return (
    <div className="flex min-h-dvh flex-col">
      <SiteHeader />
      <main
        id="main"
        className="mx-auto flex max-w-xl flex-1 flex-col items-start justify-center gap-4 px-4 py-16 sm:px-6"
      >
        <p className="font-mono text-sm text-accent">404</p>
        <h1 className="text-3xl font-semibold tracking-tight">Page not found</h1>
        <p className="text-muted">Check the address for typos; the page may also have moved.</p>
        <div className="flex flex-wrap gap-2">
          <LinkButton href="/">Home</LinkButton>
          <LinkButton href="/docs" look="secondary">
            Documentation
          </LinkButton>
        </div>
      </main>
      <SiteFooter />
    </div>
  );
}
