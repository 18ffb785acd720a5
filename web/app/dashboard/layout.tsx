import type { Metadata } from "next";
import type { ReactNode } from "react";
import { DashboardShell } from "@/components/dashboard/shell/shell";
import { Providers } from "@/components/providers";

export const metadata: Metadata = { title: { default: "Dashboard", template: "%s · Realrouter" }, robots: "noindex" };

export default function DashboardLayout({ children }: { children: ReactNode }) {
  return (
    <Providers>
      <DashboardShell>{children}</DashboardShell>
    </Providers>
  );
}
