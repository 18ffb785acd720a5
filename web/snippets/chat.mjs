const completion = await client.chat.completions.create({
  model: "gpt-5.4-mini",
  messages: [{ role: "user", content: "Summarize this note in Chinese." }],
});
console.log(completion.choices[0].message.content);
