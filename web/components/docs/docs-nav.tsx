"use client";

import { ChevronDown } from "lucide-react";
import { usePathname } from "next/navigation";
import { Link } from "../ui/link";
import { GROUPS, hrefOf, TOPICS } from "./topics";

/** The topics, in a side column, or in a disclosure on narrow pages. */
export function DocsNav() {
  const here = usePathname().replace(/\/$/, "");
  const topic = TOPICS.find((each) => hrefOf(each) === here);
  return (
    <>
      <aside className="hidden lg:block">
        <div className="sticky top-16 -ml-3 max-h-[calc(100dvh-4rem)] overflow-y-auto py-10 pr-4 pl-1">
          <Topics here={here} label="Documentation" />
        </div>
      </aside>
      {/* The key closes it again on every page. */}
      <details key={here} className="group sticky top-16 z-20 -mx-4 border-b bg-page px-4 sm:-mx-6 sm:px-6 lg:hidden">
        <summary className="flex min-h-12 list-none items-center justify-between text-sm font-medium [&::-webkit-details-marker]:hidden">
          <span>
            <span className="text-muted">Docs / </span>
            {topic?.title ?? "All topics"}
          </span>
          <ChevronDown aria-hidden="true" className="size-4 text-muted transition-transform group-open:rotate-180" />
        </summary>
        <div className="max-h-[60dvh] overflow-y-auto border-t py-4">
          <Topics here={here} label="Documentation, all topics" />
        </div>
      </details>
    </>
  );
}

function Topics({ here, label }: { here: string; label: string }) {
  return (
    <nav aria-label={label} className="space-y-6">
      {GROUPS.map((group) => (
        <div key={group.title}>
          <p className="px-3 text-xs font-semibold tracking-wide text-muted uppercase">{group.title}</p>
          <ul className="mt-1.5 space-y-px">
            {group.topics.map((topic) => (
              <li key={topic.slug}>
                <Link
                  href={hrefOf(topic)}
                  aria-current={hrefOf(topic) === here ? "page" : undefined}
                  className="flex min-h-9 items-center rounded-lg px-3 text-sm text-muted hover:bg-sunken hover:text-text aria-[current=page]:bg-accent-soft aria-[current=page]:font-medium aria-[current=page]:text-accent-strong"
                >
                  {topic.title}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}
