"use client";

import { Calculator } from "lucide-react";
import type { ReactNode } from "react";
import type { Schemas } from "@/lib/api/client";
import type { Model } from "@/lib/api/queries";
import { formatPerMillion, formatPicos, type Pricing, picos } from "@/lib/billing/prices";
import { formatCount } from "@/lib/time";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { CopyButton } from "../ui/copy";

type Rates = Schemas["TierRates"];

const TOKENS: { label: string; of: (rates: Rates) => string | undefined }[] = [
  { label: "Input", of: (rates) => rates.prompt },
  { label: "Cached input", of: (rates) => rates.input_cache_read },
  { label: "Output", of: (rates) => rates.completion },
];

export function ModelCard({ model, onPrice }: { model: Model; onPrice: () => void }) {
  const { capabilities, pricing } = model;
  return (
    <article aria-label={model.id} className="rounded-xl border bg-surface p-4 sm:p-5">
      <header className="flex items-start justify-between gap-x-4">
        <div className="flex min-h-8 min-w-0 items-center gap-1">
          <h3 className="font-mono font-medium break-all">{model.id}</h3>
          <CopyButton text={model.id} label={`Copy the name ${model.id}`} />
        </div>
        <Button look="secondary" size="small" onClick={onPrice} aria-label={`Calculate a price with ${model.id}`}>
          <Calculator aria-hidden="true" className="size-4 sm:hidden" />
          <span className="max-sm:hidden">Calculate a price</span>
        </Button>
      </header>
      <dl className="mt-4 grid grid-cols-2 gap-x-4 gap-y-4 sm:grid-cols-[repeat(auto-fit,minmax(5.25rem,1fr))]">
        <Fact label="Context">{formatCount(capabilities.context_window)}</Fact>
        <Fact label="Max output">{formatCount(capabilities.max_output_tokens)}</Fact>
        {TOKENS.map(({ label, of }) => (
          <Fact key={label} label={label} unit="per 1M tokens">
            {shownPrice(of(pricing))}
          </Fact>
        ))}
        {pricing.web_search !== undefined && (
          <Fact label="Search" unit="each">
            {formatPicos(picos(pricing.web_search))}
          </Fact>
        )}
        {typeof pricing.image === "string" && (
          <Fact label="Image" unit="each">
            {formatPicos(picos(pricing.image))}
          </Fact>
        )}
      </dl>
      <dl className="mt-4 flex flex-wrap gap-x-8 gap-y-3 border-t pt-4">
        <Words label="Input types" words={capabilities.input_modalities} />
        <Words label="Output types" words={capabilities.output_modalities} />
        <Words label="Tools" words={capabilities.tools} />
      </dl>
      <MorePrices pricing={pricing} />
    </article>
  );
}

function Fact({ label, unit, children }: { label: string; unit?: string; children: ReactNode }) {
  return (
    <div>
      <dt className="text-xs text-muted">{label}</dt>
      <dd className="tabular mt-0.5 font-medium">
        {children}
        {unit && <span className="block text-xs font-normal text-muted">{unit}</span>}
      </dd>
    </div>
  );
}

function Words({ label, words }: { label: string; words: readonly string[] }) {
  return (
    <div>
      <dt className="text-xs text-muted">{label}</dt>
      <dd className="mt-1.5 flex flex-wrap gap-1.5">
        {words.length ? words.map((word) => <Badge key={word}>{word}</Badge>) : <span className="text-sm">None</span>}
      </dd>
    </div>
  );
}

/** The prices that only some models have: long contexts, service tiers, images by size, tool calls. */
function MorePrices({ pricing }: { pricing: Pricing }) {
  const rows = [
    ...rowsOf(pricing, ""),
    ...Object.entries(pricing.service_tiers ?? {}).flatMap(([tier, rates]) => [
      { name: `Service tier ${tier}`, rates },
      ...rowsOf(rates, `Service tier ${tier}, `),
    ]),
  ];
  const units = [
    ...(typeof pricing.image === "object"
      ? Object.entries(pricing.image).map(([size, usd]) => [`Image ${size}`, usd])
      : []),
    ...Object.entries(pricing.calls ?? {}).map(([tool, usd]) => [`Call to ${tool}`, usd]),
  ];
  if (rows.length + units.length === 0) return null;
  return (
    <details className="mt-4 border-t pt-3">
      <summary className="min-h-8 text-sm font-medium text-muted hover:text-text">More prices</summary>
      {rows.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable content must be reachable with the keyboard
        <div tabIndex={0} className="overflow-x-auto">
          <table className="mt-2 w-full text-sm">
            <caption className="sr-only">Prices per million tokens</caption>
            <thead className="text-left text-muted">
              <tr>
                <th scope="col" className="py-1.5 pr-4 font-medium">
                  Per 1M tokens
                </th>
                {TOKENS.map(({ label }) => (
                  <th key={label} scope="col" className="py-1.5 pl-4 text-right font-medium whitespace-nowrap">
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ name, rates }) => (
                <tr key={name}>
                  <th scope="row" className="py-1.5 pr-4 text-left font-normal">
                    {name}
                  </th>
                  {TOKENS.map(({ label, of }) => (
                    <td key={label} className="tabular py-1.5 pl-4 text-right">
                      {shownPrice(of(rates))}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {units.length > 0 && (
        <dl className="mt-2 grid max-w-sm grid-cols-[1fr_auto] gap-x-6 gap-y-1.5 text-sm">
          {units.map(([name = "", usd = "0"]) => (
            <div key={name} className="contents">
              <dt className="text-muted">{name}</dt>
              <dd className="tabular text-right">{formatPicos(picos(usd))}</dd>
            </div>
          ))}
        </dl>
      )}
    </details>
  );
}

function rowsOf(rates: Rates, before: string): { name: string; rates: Rates }[] {
  return (rates.above ?? []).map((tier) => ({
    name: `${before}${before ? "above" : "Above"} ${formatCount(tier.input_tokens)} input tokens`,
    rates: tier,
  }));
}

function shownPrice(price: string | undefined): string {
  return price === undefined ? "–" : formatPerMillion(price);
}
