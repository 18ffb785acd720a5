"use client";

import { DayInput, FilterBar, SelectFilter } from "@/components/ui/filters";
import { type ApiKey, useModels } from "@/lib/api/queries";
import { type Filters, isFiltered, OUTCOMES } from "./state";

const OUTCOME_NAMES: Record<(typeof OUTCOMES)[number], string> = { debit: "Charged", release: "Released" };

type RequestsFiltersProps = {
  filters: Filters;
  keys: readonly ApiKey[];
  onChange: (change: Partial<Filters>) => void;
  onClear: () => void;
};

export function RequestsFilters({ filters, keys, onChange, onClear }: RequestsFiltersProps) {
  const models = useModels().data ?? [];
  return (
    <FilterBar {...(isFiltered(filters) ? { clear: onClear } : {})}>
      <SelectFilter
        label="State"
        all="All states"
        value={filters.kind}
        options={OUTCOMES.map((kind) => [kind, OUTCOME_NAMES[kind]])}
        onChange={(text) => onChange({ kind: OUTCOMES.find((kind) => kind === text) ?? null })}
      />
      <SelectFilter
        label="Key"
        all="All keys"
        value={filters.key}
        options={keys.map(({ id, name }) => [id, name])}
        onChange={(key) => onChange({ key })}
      />
      <SelectFilter
        label="Model"
        all="All models"
        value={filters.model}
        options={models.map(({ id }) => [id, id])}
        onChange={(model) => onChange({ model })}
      />
      <DayInput label="From" value={filters.from} onChange={(from) => onChange({ from })} />
      <DayInput label="To" value={filters.to} onChange={(to) => onChange({ to })} />
    </FilterBar>
  );
}
