// The lines of a charge, as the ledger has them, in words and aligned figures. Nothing is computed anew: the ledger's digits are shown.

import type { Schemas } from "./api";
import { formatPerMillion, formatPicos, picos } from "./prices";

export type CostLine = Schemas["CostLineShown"];

const NAMES: Record<string, string> = {
  input: "Input tokens",
  cached_input: "Cached input tokens",
  cache_write: "Tokens written to the cache",
  cache_write_1h: "Tokens written to the cache for an hour",
  output: "Output tokens",
  image_input: "Image input tokens",
  image_output: "Image output tokens",
  web_search_call: "Web searches",
  rounding: "Rounding up to a nano-dollar",
};
const OF_TOKENS = new Set([
  "input",
  "cached_input",
  "cache_write",
  "cache_write_1h",
  "output",
  "image_input",
  "image_output",
]);

/** "Input tokens", "Image, high 1024x1024", "Calls of code_interpreter" */
export function lineName(kind: string): string {
  const [family, of] = kind.split(":", 2);
  if (family === "image" && of) return `Image, ${of.replace("/", " ")}`;
  if (family === "call" && of) return `Calls of ${of}`;
  return NAMES[kind] ?? kind.replaceAll("_", " ");
}

/** "$0.25 per million" for tokens, "$0.01 each" for the rest; nothing for the rounding. */
export function linePrice(line: CostLine): string {
  if (line.kind === "rounding") return "";
  return OF_TOKENS.has(line.kind)
    ? `${formatPerMillion(line.price)} per million`
    : `${formatPicos(picos(line.price))} each`;
}

export function lineAmount(line: CostLine): string {
  return formatPicos(picos(line.amount));
}
