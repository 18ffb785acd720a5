import type { Metadata } from "next";
import { UsageView } from "@/components/dashboard/usage/view";
import { PageHeader } from "@/components/page-header";

export const metadata: Metadata = { title: "Usage" };

export default function UsagePage() {
  return (
    <>
      <PageHeader title="Usage">What was used, and what it cost. Days and hours are in UTC.</PageHeader>
      <UsageView />
    </>
  );
}
