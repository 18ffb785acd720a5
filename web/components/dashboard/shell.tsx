"use client";

import { Dialog as Base } from "@base-ui/react/dialog";
import { clsx } from "clsx";
import { Activity, CreditCard, KeyRound, LayoutDashboard, List, Menu, Settings, X } from "lucide-react";
import Link from "next/link";
import { usePathname, useRouter } from "next/navigation";
import { type ReactNode, useEffect, useState } from "react";
import { ApiError } from "@/lib/api";
import { LiveProvider, useLiveStatus } from "@/lib/live";
import { useBalance, useSession } from "@/lib/queries";
import { Logo } from "../logo";
import { ThemeSwitch } from "../theme-switch";
import { Amount } from "../ui/amount";
import { Failed, Skeleton } from "../ui/panel";
import { SearchBox } from "./search-box";

const PAGES = [
  { href: "/dashboard", label: "Overview", icon: LayoutDashboard },
  { href: "/dashboard/usage", label: "Usage", icon: Activity },
  { href: "/dashboard/requests", label: "Requests", icon: List },
  { href: "/dashboard/keys", label: "Keys", icon: KeyRound },
  { href: "/dashboard/billing", label: "Billing", icon: CreditCard },
  { href: "/dashboard/settings", label: "Settings", icon: Settings },
];

/** What stands around every page of the dashboard. Who is not signed in is sent to sign in, and back. */
export function DashboardShell({ children }: { children: ReactNode }) {
  const session = useSession();
  const signedOut = session.error instanceof ApiError && session.error.status === 401;
  useSignIn(signedOut);
  if (session.data && !signedOut) {
    return (
      <LiveProvider>
        <Frame>{children}</Frame>
      </LiveProvider>
    );
  }
  return (
    <main className="mx-auto max-w-6xl space-y-6 p-6" aria-busy={!session.isError}>
      <h1 className="sr-only">Dashboard</h1>
      {session.isError && !signedOut ? (
        <Failed error={session.error} retry={() => session.refetch()} busy={session.isFetching} />
      ) : (
        <>
          <span className="sr-only">Loading…</span>
          <Skeleton className="h-10 w-full" />
          <Skeleton className="h-64 w-full" />
        </>
      )}
    </main>
  );
}

function useSignIn(signedOut: boolean): void {
  const router = useRouter();
  useEffect(() => {
    if (!signedOut) return;
    const here = window.location.pathname + window.location.search;
    router.replace(`/login?next=${encodeURIComponent(here)}`);
  }, [signedOut, router]);
}

function Frame({ children }: { children: ReactNode }) {
  return (
    <div className="min-h-dvh lg:grid lg:grid-cols-[15rem_minmax(0,1fr)]">
      <a
        href="#main"
        className="sr-only rounded-lg bg-accent px-4 py-2 text-on-accent focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:z-50"
      >
        Skip to the content
      </a>
      <aside className="hidden border-r bg-sunken lg:block">
        <div className="sticky top-0 flex h-dvh flex-col gap-6 p-4">
          <div className="px-2 py-1.5">
            <Logo />
          </div>
          <Pages label="Dashboard" />
        </div>
      </aside>
      <div className="flex min-w-0 flex-col">
        <TopBar />
        <main
          id="main"
          tabIndex={-1}
          className="mx-auto w-full max-w-6xl flex-1 space-y-6 px-4 py-6 outline-none sm:px-6 lg:py-8"
        >
          {children}
        </main>
      </div>
    </div>
  );
}

function TopBar() {
  return (
    <header className="sticky top-0 z-30 flex h-16 items-center gap-2 border-b bg-page/90 px-4 backdrop-blur sm:gap-4 sm:px-6">
      <SmallMenu />
      <div className="min-w-0 flex-1">
        <SearchBox />
      </div>
      <LiveBalance />
      <ThemeSwitch />
    </header>
  );
}

/** The balance, wherever one is; the dot says whether it is live. */
function LiveBalance() {
  const balance = useBalance();
  const status = useLiveStatus();
  const said = status === "live" ? "Live" : status === "connecting" ? "Connecting" : "Not live: reconnecting";
  return (
    <Link
      href="/dashboard/billing"
      className="flex items-center gap-2 rounded-lg px-2 py-1.5 text-sm font-medium hover:bg-sunken"
      title={`${said}. Available balance`}
    >
      <span
        aria-hidden="true"
        className={clsx("size-2 rounded-full", status === "live" ? "bg-accent" : "animate-pulse bg-warning")}
      />
      <span className="sr-only">Available balance, {said}:</span>
      {balance.data ? (
        <Amount nanos={balance.data.available_nanos} rounding="down" />
      ) : (
        <Skeleton className="h-5 w-14" />
      )}
    </Link>
  );
}

function Pages({ label, onGo }: { label: string; onGo?: () => void }) {
  const here = usePathname().replace(/\/$/, "");
  return (
    <nav aria-label={label}>
      <ul className="space-y-1">
        {PAGES.map(({ href, label: name, icon: Icon }) => (
          <li key={href}>
            <Link
              href={href}
              onClick={onGo}
              aria-current={here === href ? "page" : undefined}
              className="flex min-h-10 items-center gap-3 rounded-lg px-3 text-sm font-medium text-muted hover:bg-surface hover:text-text aria-[current=page]:bg-surface aria-[current=page]:text-text aria-[current=page]:shadow-xs"
            >
              <Icon aria-hidden="true" className="size-4.5" />
              {name}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function SmallMenu() {
  const [open, setOpen] = useState(false);
  return (
    <Base.Root open={open} onOpenChange={setOpen}>
      <Base.Trigger
        aria-label="Menu"
        className="-ml-2 grid size-10 shrink-0 place-items-center rounded-lg text-muted hover:bg-sunken hover:text-text lg:hidden"
      >
        <Menu aria-hidden="true" className="size-5" />
      </Base.Trigger>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-[#000]/50" />
        <Base.Popup className="fixed inset-y-0 left-0 z-50 w-64 space-y-6 bg-page p-4 outline-none">
          <Base.Title className="sr-only">Menu</Base.Title>
          <div className="flex items-center justify-between">
            <Logo />
            <Base.Close
              aria-label="Close"
              className="grid size-10 place-items-center rounded-lg text-muted hover:bg-sunken"
            >
              <X aria-hidden="true" className="size-5" />
            </Base.Close>
          </div>
          <Pages label="Dashboard, all pages" onGo={() => setOpen(false)} />
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
