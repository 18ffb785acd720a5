import { Link } from "./ui/link";

export function SiteFooter() {
  return (
    <footer className="mt-auto border-t">
      <div className="mx-auto flex max-w-7xl flex-wrap items-center justify-between gap-4 px-4 py-8 text-sm text-muted sm:px-6">
        <p>Realrouter. Every charge is an event in the ledger.</p>
        <nav aria-label="Footer" className="flex flex-wrap gap-x-5 gap-y-2">
          <Link href="/docs" className="hover:text-text">
            Docs
          </Link>
          <Link href="/models" className="hover:text-text">
            Models
          </Link>
          <a href="/openapi.json" className="hover:text-text">
            OpenAPI
          </a>
        </nav>
      </div>
    </footer>
  );
}
