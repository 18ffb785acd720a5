"use client";
// The first call in the user's own language, with address, model and key filled in, and a button that tests it right here.

import { type ReactNode, useMemo } from "react";
import { LinkButton } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy";
import { Failed, Skeleton } from "@/components/ui/panel";
import { Tabs } from "@/components/ui/tabs";
import { useModels } from "@/lib/api/queries";
import { type ConfigSnippet, cheapestModel, configSnippets, exportLine } from "@/lib/docs/config-snippets";
import { useOrigin } from "@/lib/navigation/here";
import { TestRequest } from "./test-request";

const CODE = "min-w-0 flex-1 overflow-x-auto p-4 font-mono text-[0.8125rem] leading-6 -outline-offset-2";

type FirstCallProps = {
  /** The secret, if it is known. It is only displayed, and sent in the test request's header. */
  apiKey?: string;
  /** The models that the key may use; null for all. */
  models?: readonly string[] | null;
};

export function FirstCall({ apiKey, models = null }: FirstCallProps) {
  const query = useModels();
  const origin = useOrigin();
  const model = useMemo(() => cheapestModel(query.data ?? [], models)?.id ?? null, [query.data, models]);
  if (query.isPending) return <Skeleton className="h-80 w-full" />;
  if (query.data === undefined) {
    return <Failed error={query.error} retry={() => query.refetch()} busy={query.isFetching} />;
  }
  const filled = { baseUrl: `${origin}/v1`, model: model ?? "MODEL", apiKey: apiKey ?? null };
  const values = [filled.baseUrl, filled.model, apiKey ?? ""].filter(Boolean);
  return (
    <div className="space-y-5">
      <Tabs
        label="The first call, in"
        tabs={configSnippets(filled).map((snippet) => ({
          id: snippet.id,
          label: snippet.label,
          content: <Snippet snippet={snippet} values={values} {...(apiKey === undefined ? {} : { apiKey })} />,
        }))}
      />
      {apiKey === undefined && (
        <p className="flex flex-wrap items-center gap-3 text-sm text-muted">
          A key is shown only once, when it is created.
          <LinkButton look="secondary" size="small" href="/dashboard/keys?new=true">
            Create a key
          </LinkButton>
        </p>
      )}
      <TestRequest apiKey={apiKey} model={model} />
    </div>
  );
}

function Snippet({ snippet, values, apiKey }: { snippet: ConfigSnippet; values: string[]; apiKey?: string }) {
  return (
    <div className="space-y-2">
      <Code text={snippet.text} label={`Copy: the first call, ${snippet.label}`}>
        {marked(snippet.text, values)}
      </Code>
      <p className="text-sm text-muted">{snippet.note}</p>
      {snippet.id === "codex" && apiKey && (
        <Code text={exportLine(apiKey)} label="Copy: the line that sets the key">
          {marked(exportLine(apiKey), values)}
        </Code>
      )}
    </div>
  );
}

function Code({ text, label, children }: { text: string; label: string; children: ReactNode }) {
  return (
    <div className="flex items-start rounded-lg border bg-sunken">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable with the keyboard */}
      <pre tabIndex={0} className={CODE}>
        <code>{children}</code>
      </pre>
      <span className="p-1.5">
        <CopyButton text={`${text}\n`} label={label} />
      </span>
    </div>
  );
}

/** The text with the filled-in values highlighted. */
function marked(text: string, values: readonly string[]): ReactNode[] {
  const parts = text.split(new RegExp(`(${values.map(escaped).join("|")})`));
  return parts.map((part, at) =>
    values.includes(part) ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text have no other identity
      <span key={at} className="text-accent">
        {part}
      </span>
    ) : (
      part
    ),
  );
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
