"use client";

import { Activity, CreditCard, KeyRound, LayoutDashboard, List, Settings } from "lucide-react";
import { usePathname } from "next/navigation";
import { Link } from "@/components/ui/link";

const PAGES = [
  { href: "/dashboard", label: "Overview", icon: LayoutDashboard },
  { href: "/dashboard/usage", label: "Usage", icon: Activity },
  { href: "/dashboard/requests", label: "Requests", icon: List },
  { href: "/dashboard/keys", label: "Keys", icon: KeyRound },
  { href: "/dashboard/billing", label: "Billing", icon: CreditCard },
  { href: "/dashboard/settings", label: "Settings", icon: Settings },
];

/** Links to the dashboard's pages. `onGo` is called when one is followed. */
export function Pages({ label, onGo }: { label: string; onGo?: () => void }) {
  const here = usePathname().replace(/\/$/, "");
  return (
    <nav aria-label={label}>
      <ul className="space-y-1">
        {PAGES.map(({ href, label: name, icon: Icon }) => (
          <li key={href}>
            <Link
              href={href}
              // a page is prefetched on hover or focus: prefetching all six would double a first visit
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
