// The first call in four forms, filled in with a gateway's address, a model and, if it is known, a key. Without a key they match
// the quickstart that the documentation shows and the tests run (web/snippets); a test compares them.

import type { Model } from "@/lib/api/queries";
import { picos } from "@/lib/billing/prices";

export type Filled = { baseUrl: string; model: string; apiKey: string | null };
export type ConfigSnippet = { id: string; label: string; note: string; text: string };

export const KEY_VARIABLE = "REALROUTER_KEY";
export const FIRST_INPUT = "Summarize this note in Chinese.";
const TEXT_ENDPOINT = "/v1/responses";

export function configSnippets(filled: Filled): ConfigSnippet[] {
  const install = filled.apiKey === null ? ` Set ${KEY_VARIABLE} to your key first.` : "";
  return [
    { id: "curl", label: "curl", note: `In a terminal.${install}`, text: curl(filled) },
    { id: "python", label: "Python", note: `pip install openai.${install}`, text: python(filled) },
    { id: "javascript", label: "JavaScript", note: `npm install openai.${install}`, text: javascript(filled) },
    {
      id: "codex",
      label: "Codex",
      note: `Add this to ~/.codex/config.toml, and set ${KEY_VARIABLE} before you start Codex.`,
      text: codex(filled),
    },
  ];
}

/** The shell line that sets the key for programs that read it from the environment. */
export function exportLine(apiKey: string): string {
  return `export ${KEY_VARIABLE}=${apiKey}`;
}

/** The model with the lowest sum of input and output price, among those that accept a text request. Null if there are none. */
export function cheapestModel(models: readonly Model[], allowed: readonly string[] | null = null): Model | null {
  const fit = models.filter(
    ({ id, capabilities }) => capabilities.endpoints.includes(TEXT_ENDPOINT) && (allowed?.includes(id) ?? true),
  );
  const [cheapest] = fit.sort((one, other) => (tokenPrice(one) < tokenPrice(other) ? -1 : 1));
  return cheapest ?? null;
}

function tokenPrice({ pricing }: Model): bigint {
  return picos(pricing.prompt ?? "0") + picos(pricing.completion ?? "0");
}

function curl({ baseUrl, model, apiKey }: Filled): string {
  return `curl ${baseUrl}/responses \\
  -H "Authorization: Bearer ${apiKey ?? `$${KEY_VARIABLE}`}" \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "${model}",
    "input": "${FIRST_INPUT}"
  }'`;
}

function python({ baseUrl, model, apiKey }: Filled): string {
  return `${apiKey === null ? "import os\n" : ""}from openai import OpenAI
client = OpenAI(
    api_key=${apiKey === null ? `os.environ["${KEY_VARIABLE}"]` : `"${apiKey}"`},
    base_url="${baseUrl}",
)
response = client.responses.create(
    model="${model}",
    input="${FIRST_INPUT}",
)
print(response.output_text)`;
}

function javascript({ baseUrl, model, apiKey }: Filled): string {
  return `import OpenAI from "openai";
const client = new OpenAI({
  apiKey: ${apiKey === null ? `process.env.${KEY_VARIABLE}` : `"${apiKey}"`},
  baseURL: "${baseUrl}",
});
const response = await client.responses.create({
  model: "${model}",
  input: "${FIRST_INPUT}",
});
console.log(response.output_text);`;
}

function codex({ baseUrl, model }: Filled): string {
  return `model = "${model}"
model_provider = "realrouter"

[model_providers.realrouter]
name = "Realrouter"
base_url = "${baseUrl}"
env_key = "${KEY_VARIABLE}"
wire_api = "responses"`;
}
