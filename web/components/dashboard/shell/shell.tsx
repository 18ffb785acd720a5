"use client";

import { clsx } from "clsx";
import { Menu } from "lucide-react";
import dynamic from "next/dynamic";
import { useRouter } from "next/navigation";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Logo } from "@/components/logo";
import { ThemeSwitch } from "@/components/theme-switch";
import { Amount } from "@/components/ui/amount";
import { Guard } from "@/components/ui/guard";
import { Link } from "@/components/ui/link";
import { Failed, Skeleton } from "@/components/ui/panel";
import { ApiError } from "@/lib/api/client";
import { LiveProvider, useLiveStatus } from "@/lib/api/live";
import { useBalance, useSession } from "@/lib/api/queries";
import { Pages } from "./pages";
import { SearchBox } from "./search-box";

const ShellMenu = dynamic(() => import("./menu").then((module) => module.ShellMenu), { ssr: false });

/** The frame of every dashboard page. A visitor who is not signed in is sent to the sign-in page, and back afterwards. */
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
        Skip to content
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

/** The available balance, on every page; the dot shows whether live updates are connected. */
function LiveBalance() {
  const balance = useBalance();
  const status = useLiveStatus();
  const connection = status === "live" ? "Live" : status === "connecting" ? "Connecting" : "Reconnecting";
  return (
    <Link
      href="/dashboard/billing"
      className="flex items-center gap-2 rounded-lg px-2 py-1.5 text-sm font-medium hover:bg-sunken"
      title={`${connection}. Available balance`}
    >
      <span
        aria-hidden="true"
        className={clsx("size-2 rounded-full", status === "live" ? "bg-accent" : "animate-pulse bg-warning")}
      />
      <span className="sr-only">Available balance, {connection}:</span>
      {balance.data ? (
        <Amount nanos={balance.data.available_nanos} rounding="down" />
      ) : (
        <Skeleton className="h-5 w-14" />
      )}
    </Link>
  );
}

/** The menu for narrow windows; its dialog is loaded when first opened. */
function SmallMenu() {
  const [open, setOpen] = useState(false);
  const trigger = useRef<HTMLButtonElement>(null);
  return (
    <>
      <button
        ref={trigger}
        type="button"
        aria-label="Menu"
        aria-haspopup="dialog"
        aria-expanded={open}
        onClick={() => setOpen(true)}
        className="-ml-2 grid size-10 shrink-0 place-items-center rounded-lg text-muted hover:bg-sunken hover:text-text lg:hidden"
      >
        <Menu aria-hidden="true" className="size-5" />
      </button>
      {open && (
        <Guard fallback={<span role="alert">The menu did not load. Reload the page.</span>}>
          <ShellMenu trigger={trigger} onClose={() => setOpen(false)} />
        </Guard>
      )}
    </>
  );
}
