"use client";

import type { Model } from "@/lib/api/queries";
import { costOf, formatPicos, imageSizes } from "@/lib/billing/prices";
import { formatUsdExact } from "@/lib/money";
import { formatCount } from "@/lib/time";
import { Field, SelectField } from "../ui/field";
import { Panel } from "../ui/panel";
import { QUANTITY_MAX, type SetState, type State } from "./state";

type CalculatorProps = { models: readonly Model[]; state: State; setState: SetState };
type Quantity = "input" | "cached" | "output" | "searches" | "images";

/** The cost of a request, line by line, by the same arithmetic as its charge. */
export function Calculator({ models, state, setState }: CalculatorProps) {
  const model = models.find(({ id }) => id === state.model) ?? models[0];
  if (!model) return null;
  const { pricing } = model;
  const tiers = Object.keys(pricing.service_tiers ?? {});
  const sizes = imageSizes(pricing);
  const size = sizes.find((each) => each === state.size) ?? sizes[0];
  const cost = costOf(pricing, state, state.tier ?? undefined, size);
  const field = (name: Quantity, label: string, hint?: string) => (
    <QuantityField
      label={label}
      {...(hint ? { hint } : {})}
      quantity={state[name]}
      onQuantity={(quantity) => setState({ [name]: quantity })}
    />
  );
  return (
    <Panel title="Price calculator">
      <div className="space-y-3">
        <SelectField
          label="Model"
          value={model.id}
          onChange={(event) => setState({ model: event.target.value, tier: null, size: null })}
        >
          {models.map(({ id }) => (
            <option key={id}>{id}</option>
          ))}
        </SelectField>
        {state.model !== null && state.model !== model.id && (
          <p role="status" className="text-sm text-warning">
            There is no model {state.model}. Prices are for {model.id}.
          </p>
        )}
        {tiers.length > 0 && (
          <SelectField
            label="Service tier"
            value={tiers.find((tier) => tier === state.tier) ?? ""}
            onChange={(event) => setState({ tier: event.target.value || null })}
          >
            <option value="">default</option>
            {tiers.map((tier) => (
              <option key={tier}>{tier}</option>
            ))}
          </SelectField>
        )}
        <div className="grid grid-cols-2 gap-3">
          {field("input", "Input tokens")}
          {pricing.input_cache_read !== undefined && field("cached", "Cached input")}
          {field("output", "Output tokens")}
          {pricing.web_search !== undefined && field("searches", "Searches")}
          {pricing.image !== undefined && field("images", "Images")}
          {sizes.length > 0 && (
            <SelectField
              label="Quality and size"
              value={size}
              onChange={(event) => setState({ size: event.target.value })}
            >
              {sizes.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </SelectField>
          )}
        </div>
        <p className="text-sm text-muted">Do not count cached input in the input as well.</p>
      </div>
      <Lines cost={cost} />
    </Panel>
  );
}

type QuantityFieldProps = { label: string; hint?: string; quantity: number; onQuantity: (quantity: number) => void };

function QuantityField({ label, hint, quantity, onQuantity }: QuantityFieldProps) {
  const read = (text: string) => {
    const digits = text.replace(/\D/g, "").slice(0, `${QUANTITY_MAX}`.length);
    onQuantity(Number(digits));
  };
  return (
    <Field
      label={label}
      {...(hint ? { hint } : {})}
      inputMode="numeric"
      placeholder="0"
      value={quantity === 0 ? "" : formatCount(quantity)}
      onChange={(event) => read(event.target.value)}
    />
  );
}

function Lines({ cost }: { cost: ReturnType<typeof costOf> }) {
  return (
    <div className="mt-4 border-t pt-4">
      <table className="w-full text-sm">
        <caption className="sr-only">Cost, line by line</caption>
        <thead className="sr-only">
          <tr>
            <th scope="col">Line</th>
            <th scope="col">Amount</th>
          </tr>
        </thead>
        <tbody className="[&>tr:last-child>*]:pb-3">
          {cost.lines.map(({ kind, label, quantity, price, amount }) => (
            <tr key={kind} className="align-top">
              <th scope="row" className="py-1.5 pr-3 text-left font-normal">
                {label}
                {kind !== "rounding" && (
                  <span className="tabular block text-xs text-muted">
                    {formatCount(quantity)} × {formatPicos(price)}
                  </span>
                )}
              </th>
              <td className="tabular py-1.5 text-right">{formatPicos(amount)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr className="border-t">
            <th scope="row" className="pt-3 text-left font-medium">
              Charge
            </th>
            <td className="tabular pt-3 text-right text-lg font-semibold">
              <output>{formatUsdExact(cost.total)}</output>
            </td>
          </tr>
        </tfoot>
      </table>
      {cost.above !== null && (
        <p className="mt-3 text-sm text-muted">
          At the prices for more than {formatCount(cost.above)} input tokens, which apply to the whole request.
        </p>
      )}
    </div>
  );
}
