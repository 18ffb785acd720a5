const { data, response } = await client.responses
  .create({ model: "gpt-5.4-mini", input: "Summarize this note in Chinese." })
  .withResponse();
console.log(response.headers.get("x-ratelimit-remaining-requests"), "requests left in this minute");
console.log(data.output_text);
