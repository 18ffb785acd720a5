const stream = await client.responses.create({
  model: "gpt-5.4-mini",
  input: "Summarize this note in Chinese.",
  stream: true,
});
for await (const event of stream) {
  if (event.type === "response.output_text.delta") break; // closes the connection: the hold is released
}
