const events = await fetch("https://api.realrouter.org/api/events", {
  headers: { Authorization: `Bearer ${process.env.REALROUTER_KEY}` },
});
for await (const text of events.body.pipeThrough(new TextDecoderStream())) {
  console.log(text);
  if (text.includes("event: balance")) break; // the stream never ends on its own
}
