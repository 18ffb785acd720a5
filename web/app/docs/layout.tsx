import type { ReactNode } from "react";
import { DocsNav } from "@/components/docs/docs-nav";
import { SiteFooter } from "@/components/site-footer";
import { SiteHeader } from "@/components/site-header";

export default function DocsLayout({ children }: { children: ReactNode }) {
  return (
    <div className="flex min-h-dvh flex-col">
      <SiteHeader />
      <div className="mx-auto w-full max-w-7xl flex-1 px-4 sm:px-6 lg:grid lg:grid-cols-[14rem_minmax(0,1fr)] lg:gap-10">
        <DocsNav />
        <main id="main" tabIndex={-1} className="min-w-0 py-8 outline-none lg:py-10">
          {children}
        </main>
      </div>
      <SiteFooter />
    </div>
  );
}
