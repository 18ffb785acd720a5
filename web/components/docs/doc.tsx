// A documentation page: its header, table of contents and sections, and links to the previous and next topic.

import { ArrowLeft, ArrowRight } from "lucide-react";
import type { Metadata } from "next";
import type { ReactNode } from "react";
import { Link } from "../ui/link";
import { rich } from "./rich";
import { hrefOf, type Topic, topicOf } from "./topics";

export type Section = { id: string; title: string; body: ReactNode };
type DocProps = { slug: string; title?: string; lead: string; sections: Section[] };

export function docMetadata(slug: string): Metadata {
  const { topic } = topicOf(slug);
  return { title: `${topic.title} · Docs`, description: topic.description };
}

export function Doc({ slug, title, lead, sections }: DocProps) {
  const { topic, before, after } = topicOf(slug);
  return (
    <div className="xl:grid xl:grid-cols-[minmax(0,1fr)_12rem] xl:gap-x-10">
      <header className="max-w-3xl space-y-3">
        <p className="text-sm font-medium text-accent">Developer docs</p>
        <h1 className="text-3xl font-semibold tracking-tight text-balance">{title ?? topic.title}</h1>
        <p className="text-lg text-pretty text-muted">{rich(lead)}</p>
      </header>
      <OnThisPage sections={sections} />
      <div className="max-w-3xl min-w-0">
        {sections.map(({ id, title: heading, body }) => (
          <section key={id} aria-labelledby={id} className="mt-12 space-y-4">
            <h2 id={id} className="group scroll-mt-12 text-xl font-semibold tracking-tight lg:scroll-mt-2">
              {heading}
              <a
                href={`#${id}`}
                aria-label={`Link to: ${heading}`}
                className="ml-2 text-muted no-underline opacity-0 group-hover:opacity-100 focus-visible:opacity-100"
              >
                #
              </a>
            </h2>
            {body}
          </section>
        ))}
        <Neighbours before={before} after={after} />
      </div>
    </div>
  );
}

function OnThisPage({ sections }: { sections: Section[] }) {
  return (
    <nav
      aria-label="On this page"
      className="mt-8 border-l-2 pl-4 xl:col-start-2 xl:row-span-2 xl:row-start-1 xl:mt-0 xl:border-l-0 xl:pl-0"
    >
      <div className="xl:sticky xl:top-26 xl:max-h-[calc(100dvh-8rem)] xl:overflow-y-auto">
        <p className="text-xs font-semibold tracking-wide text-muted uppercase">On this page</p>
        <ul className="mt-2 space-y-0.5">
          {sections.map(({ id, title }) => (
            <li key={id}>
              <a href={`#${id}`} className="block py-1 text-sm text-muted hover:text-text">
                {title}
              </a>
            </li>
          ))}
        </ul>
      </div>
    </nav>
  );
}

function Neighbours({ before, after }: { before: Topic | undefined; after: Topic | undefined }) {
  return (
    <nav aria-label="Previous and next topic" className="mt-16 grid gap-3 sm:grid-cols-2">
      {before && (
        <Neighbour topic={before} label="Previous">
          <ArrowLeft aria-hidden="true" className="size-4" />
        </Neighbour>
      )}
      {after && (
        <Neighbour topic={after} label="Next" className="sm:col-start-2 sm:flex-row-reverse sm:text-right">
          <ArrowRight aria-hidden="true" className="size-4" />
        </Neighbour>
      )}
    </nav>
  );
}

type NeighbourProps = { topic: Topic; label: string; className?: string; children: ReactNode };

function Neighbour({ topic, label, className = "", children }: NeighbourProps) {
  return (
    <Link
      href={hrefOf(topic)}
      className={`flex items-center gap-3 rounded-xl border bg-surface px-4 py-3 text-muted hover:border-line-strong hover:text-text ${className}`}
    >
      {children}
      <span className="min-w-0 flex-1">
        <span className="block text-xs">{label}</span>
        <span className="block truncate font-medium text-text">{topic.title}</span>
      </span>
    </Link>
  );
}
