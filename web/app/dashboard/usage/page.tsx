import type { Metadata } from "next";
import { UsageView } from "@/components/dashboard/usage/view";
import { PageHeader } from "@/components/page-header";

export const metadata: Metadata = { title: "Usage" };

export default function UsagePage() {
  return (
    <>
      <PageHeader title="Usage">What your requests used and cost. Days and hours are in UTC.</PageHeader>
      <UsageView />
    </>
  );
}
