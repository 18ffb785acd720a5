import type { ReactNode } from "react";
import { SiteFooter } from "../site-footer";
import { SiteHeader } from "../site-header";

/** The frame around the sign-in and sign-up forms. */
export function AuthFrame({
  title,
  intro,
  children,
  below,
}: {
  title: string;
  intro: string;
  children: ReactNode;
  below: ReactNode;
}) {
  return (
    <div className="flex min-h-dvh flex-col">
      <SiteHeader />
      <main id="main" className="mx-auto flex w-full max-w-md flex-1 flex-col justify-center px-4 py-12 sm:px-6">
        <h1 className="text-2xl font-semibold tracking-tight">{title}</h1>
        <p className="mt-1 text-sm text-muted">{intro}</p>
        <div className="mt-6 rounded-xl border bg-surface p-5 sm:p-6">{children}</div>
        <p className="mt-5 text-center text-sm text-muted">{below}</p>
      </main>
      <SiteFooter />
    </div>
  );
}
