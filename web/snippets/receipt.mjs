const response = await client.responses.create({
  model: "gpt-5.4-mini",
  input: "Summarize this note in Chinese.",
});
const found = await fetch(`https://api.realrouter.org/api/requests/${response._request_id}`, {
  headers: { Authorization: `Bearer ${process.env.REALROUTER_KEY}` },
});
const receipt = await found.json();
for (const line of receipt.lines) {
  console.log(line.kind, line.quantity, "x", line.price, "=", line.amount);
}
console.log("charged", receipt.cost, "of", receipt.hold, "held");
