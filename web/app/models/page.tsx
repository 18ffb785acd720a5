import type { Metadata } from "next";
import { ModelsView } from "@/components/models/models-view";
import { PageHeader } from "@/components/page-header";
import { Providers } from "@/components/providers";
import { SiteFooter } from "@/components/site-footer";
import { SiteHeader } from "@/components/site-header";
import { Link } from "@/components/ui/link";

export const metadata: Metadata = {
  title: "Models and prices",
  description: "The available models: context, output, modalities, tools and exact prices, with a calculator.",
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
          Capabilities and prices, from <code className="font-mono">GET /v1/models</code>. Every model works with both
          endpoints. For how requests are charged, see the{" "}
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
