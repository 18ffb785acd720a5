// Both endpoints through openai-node where scripted vendors answer. The same tests for each: a client cannot tell them apart.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = new OpenAI({ apiKey: process.env.REALROUTER_KEY, baseURL: process.env.REALROUTER_URL });
const model = "vendors/model";
const text = process.env.VENDOR_TEXT;
const question = "What is the weather in Toronto and in Oslo?";
const messages = [{ role: "user", content: question }];
const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const weather = { name: "get_weather", description: "The weather of a city.", parameters };
const chatTools = [{ type: "function", function: weather }];
const responsesTools = [{ type: "function", ...weather, strict: true }];
const told = 'The weather: {"city":"Toronto","celsius":21}; {"city":"Oslo","celsius":21}';
const report = ({ city }) => JSON.stringify({ city, celsius: 21 });
const schema = {
  type: "object",
  properties: { name: { type: "string" }, day: { type: "integer" } },
  required: ["name", "day"],
  additionalProperties: false,
};

test("chat: plain, streamed by hand with usage, and by the stream helper", async () => {
  const plain = await client.chat.completions.create({ model, messages: [{ role: "user", content: "Hello." }] });
  assert.equal(plain.choices[0].message.content, text);
  assert.equal(plain.choices[0].finish_reason, "stop");
  const asked = { model, messages: [{ role: "user", content: "Hello." }], stream_options: { include_usage: true } };
  let streamed = "";
  const usages = [];
  for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) {
    streamed += chunk.choices[0]?.delta?.content ?? "";
    usages.push(chunk.usage);
  }
  assert.equal(streamed, text);
  assert.deepEqual(usages.at(-1), plain.usage);
  assert.ok(usages.slice(0, -1).every((usage) => usage === null));
  const final = await client.chat.completions.stream(asked).finalChatCompletion();
  assert.equal(final.choices[0].message.content, text);
  assert.deepEqual(final.usage, plain.usage);
});

for (const stream of [false, true]) {
  test(`chat: parallel calls, run by the SDK's own runner, ${stream ? "streamed" : "plain"}`, async () => {
    const seen = [];
    const run = ({ city }) => {
      seen.push(city);
      return report({ city });
    };
    const tools = [{ type: "function", function: { ...weather, function: run, parse: JSON.parse } }];
    const runner = client.chat.completions.runTools({ model, messages, tools, stream });
    assert.equal(await runner.finalContent(), told);
    assert.deepEqual(seen, ["Toronto", "Oslo"]);
    const calls = runner.messages[1].tool_calls;
    assert.equal(new Set(calls.map((call) => call.id)).size, 2);
  });
}

test("chat: the legacy functions are answered in kind", async () => {
  const asked = { model, messages, functions: [weather] };
  const first = await client.chat.completions.create(asked);
  const { message, finish_reason } = first.choices[0];
  assert.equal(finish_reason, "function_call");
  assert.deepEqual(JSON.parse(message.function_call.arguments), { city: "Toronto" });
  const result = { role: "function", name: "get_weather", content: report({ city: "Toronto" }) };
  const history = [...messages, { role: "assistant", content: null, function_call: message.function_call }, result];
  const final = await client.chat.completions.create({ ...asked, messages: history });
  assert.equal(final.choices[0].message.content, 'The weather: {"city":"Toronto","celsius":21}');
});

test("both: output of a JSON schema is JSON of that schema", async () => {
  const format = { type: "json_schema", json_schema: { name: "event", strict: true, schema } };
  const asked = { model, messages: [{ role: "user", content: "Alice, on day 12." }], response_format: format };
  const completion = await client.chat.completions.parse(asked);
  const response = await client.responses.parse({
    model,
    input: "Alice, on day 12.",
    text: { format: { type: "json_schema", name: "event", strict: true, schema } },
  });
  for (const made of [JSON.parse(completion.choices[0].message.content), JSON.parse(response.output_text)]) {
    assert.deepEqual(Object.keys(made).sort(), ["day", "name"]);
    assert.ok(Number.isInteger(made.day));
  }
});

// What must differ between two requests: ids made of the request's own, and times. And what the helper adds of its own.
function bare(response) {
  const seed = response.id.slice("resp_".length);
  const own = new Set(["parsed", "parsed_arguments", "output_parsed", "_request_id", "created_at", "completed_at"]);
  const written = JSON.stringify(response, (name, value) => (own.has(name) ? undefined : value));
  return JSON.parse(written.replaceAll(seed, "seed"));
}

const thinks = process.env.VENDOR_THINKS ? { reasoning: { effort: "low", summary: "auto" }, max_output_tokens: 8000 } : {};
const offers = { "a text": {}, "parallel calls": { tools: responsesTools }, thoughts: thinks };
if (process.env.VENDOR_SEARCHES) offers["a web search"] = { tools: [{ type: "web_search" }] };

for (const [name, offer] of Object.entries(offers)) {
  test(`responses: the final answer of a stream is the plain one: ${name}`, async () => {
    const asked = { model, input: question, ...offer };
    const plain = await client.responses.create(asked);
    const stream = client.responses.stream(asked);
    let deltas = "";
    stream.on("response.output_text.delta", (event) => (deltas += event.delta));
    const final = await stream.finalResponse();
    assert.equal(deltas, plain.output_text);
    assert.equal(final.output_text, plain.output_text);
    assert.deepEqual(bare(final), bare(plain));
  });
}

test("responses: parallel calls and their outputs", async () => {
  const input = [{ role: "user", content: question }];
  const first = await client.responses.stream({ model, input, tools: responsesTools }).finalResponse();
  const calls = first.output.filter((item) => item.type === "function_call");
  assert.deepEqual(calls.map((call) => JSON.parse(call.arguments).city), ["Toronto", "Oslo"]);
  const outputs = calls.map((call) => ({
    type: "function_call_output",
    call_id: call.call_id,
    output: report(JSON.parse(call.arguments)),
  }));
  const items = first.output.map(({ parsed_arguments, ...item }) => item);
  const final = await client.responses.create({ model, input: [...input, ...items, ...outputs], tools: responsesTools });
  assert.equal(final.output_text, told);
});
