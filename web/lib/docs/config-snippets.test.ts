import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Model } from "@/lib/api/queries";
import { cheapestModel, configSnippets, exportLine, KEY_VARIABLE } from "./config-snippets";

const SHOWN = { baseUrl: "https://api.realrouter.org/v1", model: "gpt-5.4-mini", apiKey: null };
const KEY = "sk-rr-0123456789";

function text(id: string, filled: Parameters<typeof configSnippets>[0]): string {
  return configSnippets(filled).find((snippet) => snippet.id === id)?.text ?? "";
}

function model(id: string, prompt: string, completion: string, endpoints = ["/v1/responses"]): Model {
  const modalities = { input_modalities: ["text"], output_modalities: ["text"] };
  return {
    id,
    object: "model",
    created: 0,
    owned_by: "realrouter",
    name: id,
    context_length: 1,
    max_output_tokens: 1,
    architecture: modalities,
    capabilities: {
      ...modalities,
      tools: [],
      context_window: 1,
      max_output_tokens: 1,
      endpoints,
      streaming: true,
      service_tiers: [],
    },
    pricing: { prompt, completion },
  };
}

describe("the snippets of the first call", () => {
  it.each([
    ["curl", "quickstart.sh"],
    ["python", "quickstart.py"],
    ["javascript", "quickstart.mjs"],
  ])("in %s match the quickstart that the tests run", (id, file) => {
    const quickstart = readFileSync(`snippets/${file}`, "utf8").trimEnd();
    expect(text(id, SHOWN)).toBe(quickstart.replaceAll("REALROUTER_API_KEY", KEY_VARIABLE));
  });

  it.each(["curl", "python", "javascript"])("in %s contain the key, the address and the model", (id) => {
    const filled = text(id, { baseUrl: "http://127.0.0.1:8000/v1", model: "small", apiKey: KEY });
    for (const part of [KEY, "http://127.0.0.1:8000/v1", '"small"']) expect(filled).toContain(part);
    expect(filled).not.toContain(KEY_VARIABLE);
    expect(filled).not.toContain("import os");
  });

  it("for Codex name the variable, never the key, because the file is kept", () => {
    const filled = text("codex", { ...SHOWN, apiKey: KEY });
    expect(filled).not.toContain(KEY);
    expect(filled.split("\n")).toEqual([
      'model = "gpt-5.4-mini"',
      'model_provider = "realrouter"',
      "",
      "[model_providers.realrouter]",
      'name = "Realrouter"',
      'base_url = "https://api.realrouter.org/v1"',
      'env_key = "REALROUTER_KEY"',
      'wire_api = "responses"',
    ]);
    expect(exportLine(KEY)).toBe(`export REALROUTER_KEY=${KEY}`);
  });
});

describe("the cheapest model", () => {
  const models = [
    model("large", "0.000002", "0.00001"),
    model("small", "0.00000025", "0.000002"),
    model("images", "0", "0", ["/v1/images"]),
  ];

  it("is the one with the lowest token prices", () => {
    expect(cheapestModel(models)?.id).toBe("small");
  });

  it("is one that the key may use", () => {
    expect(cheapestModel(models, ["large", "gone"])?.id).toBe("large");
    expect(cheapestModel(models, ["gone"])).toBeNull();
  });

  it("is null if there are no models", () => {
    expect(cheapestModel([])).toBeNull();
  });
});
