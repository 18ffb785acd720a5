stream = client.responses.create(
    model="gpt-5.4-mini",
    input="Summarize this note in Chinese.",
    stream=True,
)
for event in stream:
    if event.type == "response.output_text.delta":
        print(event.delta, end="", flush=True)
    elif event.type == "response.completed":
        print("\n", event.response.usage.total_tokens, "tokens")
