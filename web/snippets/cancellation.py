stream = client.responses.create(
    model="gpt-5.4-mini",
    input="Summarize this note in Chinese.",
    stream=True,
)
with stream:
    for event in stream:
        if event.type == "response.output_text.delta":
            break  # closes the connection: the hold is released
