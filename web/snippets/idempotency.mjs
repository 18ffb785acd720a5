const order = `summary-${crypto.randomUUID()}`; // your own id, one for each piece of work
const summarize = () =>
  client.responses.create(
    { model: "gpt-5.4-mini", input: "Summarize this note in Chinese." },
    { headers: { "Idempotency-Key": order } },
  );

console.log((await summarize()).output_text);
try {
  await summarize();
} catch (error) {
  if (!(error instanceof OpenAI.ConflictError)) throw error;
  console.log(error.code, error.error.request_id, error.error.state);
}
