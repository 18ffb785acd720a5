import OpenAI from "openai";
const client = new OpenAI({
  apiKey: process.env.REALROUTER_KEY,
  baseURL: "https://api.realrouter.org/v1",
});
const response = await client.responses.create({
  model: "gpt-5.4-mini",
  input: "Summarize this note in Chinese.",
});
console.log(response.output_text);
