// POST /v1/chat/completions through openai-node, unmodified but for base URL and key.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = new OpenAI({ apiKey: process.env.REALROUTER_KEY, baseURL: process.env.REALROUTER_URL });
const model = "gpt-5.4-mini";
const messages = [{ role: "user", content: "What is the weather in Toronto?" }];
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ type: "function", function: { name: "get_weather", parameters } }];

test("a plain answer with usage", async () => {
  const completion = await client.chat.completions.create({ model, messages, n: 2 });
  assert.equal(completion.choices.length, 2);
  assert.ok(completion.usage.total_tokens > 0);
});

test("a streamed answer, without usage that was not asked for", async () => {
  let text = "";
  for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
    assert.ok(!chunk.usage);
    text += chunk.choices[0]?.delta?.content ?? "";
  }
  assert.ok(text.length > 0);
});

test("a streamed answer with usage", async () => {
  const stream = await client.chat.completions.create({
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  let usage = null;
  for await (const chunk of stream) usage = chunk.usage ?? usage;
  assert.ok(usage.completion_tokens > 0);
});

for (const stream of [false, true]) {
  test(`a tool call, its result, and the final answer, ${stream ? "streamed" : "plain"}`, async () => {
    const message = stream
      ? await client.chat.completions.stream({ model, messages, tools }).finalMessage()
      : (await client.chat.completions.create({ model, messages, tools })).choices[0].message;
    const [call] = message.tool_calls;
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "Toronto" });
    const asked = { role: "assistant", tool_calls: [{ id: call.id, type: "function", function: call.function }] };
    const result = { role: "tool", tool_call_id: call.id, content: '{"celsius":21}' };
    const final = await client.chat.completions.create({ model, messages: [...messages, asked, result], tools });
    assert.ok(final.choices[0].message.content.length > 0);
  });
}
