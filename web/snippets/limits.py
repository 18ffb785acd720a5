answer = client.responses.with_raw_response.create(
    model="gpt-5.4-mini",
    input="Summarize this note in Chinese.",
)
print(answer.headers.get("x-ratelimit-remaining-requests"), "requests left in this minute")
print(answer.parse().output_text)
