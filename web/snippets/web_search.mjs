const response = await client.responses.create({
  model: "gpt-5.3-codex-spark",
  input: "Search the web and summarize today's top AI platform news.",
  tools: [{ type: "web_search" }],
});
