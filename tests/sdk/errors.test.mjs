// What openai-node makes of the gateway's refusals. None of these may cost anything.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const options = { apiKey: process.env.REALROUTER_KEY, baseURL: process.env.REALROUTER_URL };
const client = new OpenAI(options);
const model = "gpt-5.4-mini";
const input = "hi";

const cases = [
  ["a wrong key", OpenAI.AuthenticationError, "invalid_api_key", () =>
    new OpenAI({ ...options, apiKey: "sk-proj-0123456789" }).responses.create({ model, input })],
  ["an unknown model on chat", OpenAI.NotFoundError, "model_not_found", () =>
    client.chat.completions.create({ model: "none", messages: [{ role: "user", content: input }] })],
  ["an unknown model on responses", OpenAI.BadRequestError, "model_not_found", () =>
    client.responses.create({ model: "none", input })],
  ["a tool that is not offered", OpenAI.BadRequestError, "unsupported_tool", () =>
    client.responses.create({ model, input, tools: [{ type: "file_search", vector_store_ids: ["vs"] }] })],
  ["an upstream that limits us", OpenAI.RateLimitError, "upstream_rate_limited", () =>
    client.responses.create({ model, input, metadata: { simulator: "status=429" } }, { maxRetries: 0 })],
  ["an upstream that fails", OpenAI.InternalServerError, "upstream_error", () =>
    client.responses.create({ model, input, metadata: { simulator: "status=500" } }, { maxRetries: 0 })],
  ["an empty account", OpenAI.APIError, "insufficient_quota", () =>
    new OpenAI({ ...options, apiKey: process.env.REALROUTER_EMPTY_KEY }).responses.create({ model, input })],
];

for (const [name, kind, code, ask] of cases) {
  test(name, async () => {
    await assert.rejects(ask, (error) => {
      assert.equal(error.constructor, kind);
      assert.equal(error.code, code);
      assert.match(error.requestID, /^req_/);
      return true;
    });
  });
}

test("an idempotency key that was used", async () => {
  const headers = { "Idempotency-Key": "from-node" };
  await client.responses.create({ model, input }, { headers });
  await assert.rejects(() => client.responses.create({ model, input }, { headers }), OpenAI.ConflictError);
});

test("a chat stream that breaks", async () => {
  const asked = { model, messages: [{ role: "user", content: input }], stream: true, metadata: { simulator: "drop_at=6" } };
  await assert.rejects(async () => {
    for await (const chunk of await client.chat.completions.create(asked)) assert.ok(chunk);
  }, OpenAI.APIError);
});

test("models are listed and retrieved", async () => {
  const ids = [];
  for await (const one of client.models.list()) ids.push(one.id);
  assert.ok(ids.includes(model));
  const one = await client.models.retrieve(model);
  assert.equal(one.owned_by, "realrouter");
});
