"use client";
// The models on offer, and a calculator for the cost of a request.

import { useQueryStates } from "nuqs";
import { useRef } from "react";
import { type Model, useModels } from "@/lib/api/queries";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { Empty, Loaded, Skeleton } from "../ui/panel";
import { Calculator } from "./calculator";
import { ModelCard } from "./model-card";
import { PARSERS } from "./state";

export function ModelsView() {
  const models = useModels();
  const [state, setState] = useQueryStates(PARSERS);
  const calculator = useRef<HTMLDivElement>(null);
  const price = (model: string) => {
    void setState({ model, tier: null, size: null });
    calculator.current?.focus();
  };
  const failed = models.isError && models.data === undefined;
  return (
    <div className={failed ? "rounded-xl border bg-surface" : ""}>
      <Loaded
        query={models}
        skeleton={<ModelsSkeleton />}
        isEmpty={(found) => found.length === 0}
        empty={
          <div className="rounded-xl border bg-surface">
            <Empty title="No models yet">The operator of this gateway has not listed any models yet.</Empty>
          </div>
        }
      >
        {(found) => (
          <div className="grid gap-6 lg:grid-cols-[minmax(0,1fr)_23rem] lg:items-start">
            <Models models={found} search={state.q} onSearch={(q) => void setState({ q: q || null })} onPrice={price} />
            <div
              ref={calculator}
              tabIndex={-1}
              className="scroll-mt-20 rounded-xl lg:sticky lg:top-20 lg:max-h-[calc(100dvh-6rem)] lg:overflow-y-auto"
            >
              <Calculator models={found} state={state} setState={setState} />
            </div>
          </div>
        )}
      </Loaded>
    </div>
  );
}

type ModelsProps = {
  models: readonly Model[];
  search: string;
  onSearch: (search: string) => void;
  onPrice: (id: string) => void;
};

function Models({ models, search, onSearch, onPrice }: ModelsProps) {
  const field = useRef<HTMLInputElement>(null);
  const clear = () => {
    onSearch("");
    field.current?.focus();
  };
  const wanted = search.trim().toLowerCase();
  const shown = models.filter(({ id }) => id.toLowerCase().includes(wanted));
  return (
    <section aria-labelledby="models" className="min-w-0 space-y-4">
      <div className="flex flex-wrap items-end justify-between gap-x-6 gap-y-2">
        <h2 id="models" className="sr-only">
          Available models
        </h2>
        <Field
          type="search"
          ref={field}
          label="Search by name"
          value={search}
          onChange={(event) => onSearch(event.target.value)}
          className="w-full sm:max-w-xs"
        />
        <p role="status" className="tabular text-sm text-muted">
          {shown.length} of {models.length} {models.length === 1 ? "model" : "models"}
        </p>
      </div>
      {shown.length === 0 ? (
        <div className="rounded-xl border bg-surface">
          <Empty
            title="No matching models"
            action={
              <Button look="secondary" size="small" onClick={clear}>
                Clear filters
              </Button>
            }
          >
            No model's name contains “{search.trim()}”.
          </Empty>
        </div>
      ) : (
        <ul className="space-y-4">
          {shown.map((model) => (
            <li key={model.id}>
              <ModelCard model={model} onPrice={() => onPrice(model.id)} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function ModelsSkeleton() {
  return (
    <div className="grid gap-6 lg:grid-cols-[minmax(0,1fr)_23rem] lg:items-start">
      <div className="space-y-4">
        <Skeleton className="h-16 w-full sm:max-w-xs" />
        {["first", "second", "third"].map((card) => (
          <Skeleton key={card} className="h-56 w-full rounded-xl" />
        ))}
      </div>
      <Skeleton className="h-156 w-full rounded-xl" />
    </div>
  );
}
