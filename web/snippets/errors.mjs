try {
  await client.responses.create({
    model: "no-such-model",
    input: "Summarize this note in Chinese.",
  });
} catch (error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  console.log(error.status, error.code, error.param, error.requestID);
}
