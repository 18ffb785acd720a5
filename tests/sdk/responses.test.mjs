// POST /v1/responses through openai-node, unmodified but for base URL and key.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = new OpenAI({ apiKey: process.env.REALROUTER_KEY, baseURL: process.env.REALROUTER_URL });
const model = "gpt-5.4-mini";
const weather = {
  type: "function",
  name: "get_weather",
  description: "Get current weather for a city.",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
  strict: true,
};

test("a plain answer, and its request id", async () => {
  const response = await client.responses.create({ model, input: "Summarize this note in Chinese." });
  assert.ok(response.output_text.length > 0);
  assert.equal(response.status, "completed");
  assert.match(response._request_id, /^req_/);
});

test("a streamed answer", async () => {
  const stream = await client.responses.create({ model, input: "Summarize this note in Chinese.", stream: true });
  const types = [];
  let text = "";
  for await (const event of stream) {
    types.push(event.type);
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  assert.equal(types[0], "response.created");
  assert.equal(types.at(-1), "response.completed");
  assert.ok(text.length > 0);
});

test("the stream helper gathers the same answer", async () => {
  const stream = client.responses.stream({ model, input: "Summarize this note in Chinese." });
  let text = "";
  stream.on("response.output_text.delta", (event) => (text += event.delta));
  const final = await stream.finalResponse();
  assert.equal(final.output_text, text);
});

test("a function call, its result, and the final answer", async () => {
  const question = { role: "user", content: "What is the weather in Toronto?" };
  const first = await client.responses.create({
    model,
    input: [question],
    tools: [weather],
    tool_choice: { type: "function", name: "get_weather" },
  });
  const call = first.output.find((item) => item.type === "function_call");
  assert.deepEqual(JSON.parse(call.arguments), { city: "Toronto" });
  const final = await client.responses.create({
    model,
    input: [question, call, { type: "function_call_output", call_id: call.call_id, output: '{"celsius":21}' }],
    tools: first.tools,
  });
  assert.ok(final.output_text.length > 0);
});

test("a web search with citations", async () => {
  const response = await client.responses.create({
    model: "gpt-5.3-codex-spark",
    input: "Search the web and summarize today's top AI platform news.",
    tools: [{ type: "web_search" }],
  });
  assert.deepEqual(response.output.map((item) => item.type), ["web_search_call", "message"]);
  assert.ok(response.output[1].content[0].annotations.every((one) => one.type === "url_citation"));
});

test("an image is a PNG", async () => {
  const response = await client.responses.create({
    model,
    input: "Generate a small product icon for a code API gateway.",
    tools: [{ type: "image_generation" }],
  });
  const image = response.output.find((item) => item.type === "image_generation_call");
  assert.equal(Buffer.from(image.result, "base64").subarray(1, 4).toString(), "PNG");
});

test("output of a JSON schema is JSON of that schema", async () => {
  const schema = { type: "object", properties: { name: { type: "string" } }, required: ["name"], additionalProperties: false };
  const response = await client.responses.create({
    model,
    input: "Alice",
    text: { format: { type: "json_schema", name: "person", strict: true, schema } },
  });
  assert.equal(typeof JSON.parse(response.output_text).name, "string");
});

test("a stream that is broken off by its reader", async () => {
  const stream = await client.responses.create({
    model,
    input: "hi",
    stream: true,
    metadata: { simulator: "stall_at=7" },
  });
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") break;
  }
});
