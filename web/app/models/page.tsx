import type { Metadata } from "next";
import { ModelsView } from "@/components/models/models-view";
import { PageHeader } from "@/components/page-header";
import { Providers } from "@/components/providers";
import { SiteFooter } from "@/components/site-footer";
import { SiteHeader } from "@/components/site-header";
import { Link } from "@/components/ui/link";

export const metadata: Metadata = {
  title: "Models and prices",
  description: "The models on offer: context, output, modalities, tools and exact prices, with a calculator.",
};

export default function ModelsPage() {
  return (
    <div className="flex min-h-dvh flex-col">
      <SiteHeader />
      <main
        id="main"
        tabIndex={-1}
        className="mx-auto w-full max-w-7xl flex-1 space-y-8 px-4 py-10 outline-none sm:px-6"
      >
        <PageHeader title="Models">
          Capabilities and prices as <code className="font-mono">GET /v1/models</code> tells them. Every model answers
          on both endpoints; see the{" "}
          <Link href="/docs/billing" className="font-medium text-accent underline underline-offset-3">
            billing model
          </Link>
          .
        </PageHeader>
        <Providers>
          <ModelsView />
        </Providers>
      </main>
      <SiteFooter />
    </div>
  );
}
