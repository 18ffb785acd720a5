"use client";

import { Button } from "@/components/ui/button";
import { DayInput, SelectFilter } from "@/components/ui/filters";
import { Segments } from "@/components/ui/segments";
import { useApiKeys, useModels } from "@/lib/api/queries";
import { daysOf, lengthInDays, RANGE_DAYS_MAX, RANGE_NAMES, RANGES } from "@/lib/usage/usage";
import { isFiltered, type State, type View } from "./state";

const CUSTOM = "custom";
const RANGE_OPTIONS = [...RANGES.map((range) => [range, RANGE_NAMES[range]] as const), [CUSTOM, "Custom"] as const];

type UsageFiltersProps = {
  state: State;
  view: View;
  onChange: (change: Partial<State>) => void;
  onClear: () => void;
};

export function UsageFilters({ state, view, onChange, onClear }: UsageFiltersProps) {
  const keys = useApiKeys().data ?? [];
  const models = useModels().data ?? [];
  const days = daysOf(view.span);
  const custom = view.range === null;
  return (
    <section aria-label="Range and filters" className="space-y-2.5">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2.5">
        <Segments
          label="Range"
          options={RANGE_OPTIONS}
          value={view.range ?? CUSTOM}
          onChange={(range) => onChange(range === CUSTOM ? { range: null, ...days } : { range, from: null, to: null })}
        />
        <SelectFilter
          label="Key"
          all="All keys"
          value={state.key}
          options={keys.map(({ id, name }) => [id, name] as const)}
          onChange={(key) => onChange({ key })}
        />
        <SelectFilter
          label="Model"
          all="All models"
          value={state.model}
          options={models.map(({ id }) => [id, id] as const)}
          onChange={(model) => onChange({ model })}
        />
        {isFiltered(state) && (
          <Button look="quiet" onClick={onClear}>
            Clear filters
          </Button>
        )}
      </div>
      {custom && (
        <div className="flex flex-wrap items-center gap-3">
          <DayInput label="From" value={state.from} onChange={(from) => onChange({ from })} />
          <DayInput label="To" value={state.to} onChange={(to) => onChange({ to })} />
          {lengthInDays(view.span) >= RANGE_DAYS_MAX && (
            <span className="text-sm text-muted">
              At most {RANGE_DAYS_MAX} days: only the last {RANGE_DAYS_MAX} are shown.
            </span>
          )}
        </div>
      )}
    </section>
  );
}
