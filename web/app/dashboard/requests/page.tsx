import type { Metadata } from "next";
import { RequestsView } from "@/components/dashboard/requests/view";
import { PageHeader } from "@/components/page-header";

export const metadata: Metadata = { title: "Requests" };

export default function RequestsPage() {
  return (
    <>
      <PageHeader title="Requests">
        Each request places a hold, and is then charged for what it used, or released.
      </PageHeader>
      <RequestsView />
    </>
  );
}
