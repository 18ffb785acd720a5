import httpx

response = client.responses.create(
    model="gpt-5.4-mini",
    input="Summarize this note in Chinese.",
)
receipt = httpx.get(
    f"https://api.realrouter.org/api/requests/{response._request_id}",
    headers={"Authorization": f"Bearer {os.environ['REALROUTER_KEY']}"},
).json()
for line in receipt["lines"]:
    print(line["kind"], line["quantity"], "x", line["price"], "=", line["amount"])
print("charged", receipt["cost"], "of", receipt["hold"], "held")
