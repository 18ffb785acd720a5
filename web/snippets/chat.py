completion = client.chat.completions.create(
    model="gpt-5.4-mini",
    messages=[{"role": "user", "content": "Summarize this note in Chinese."}],
)
print(completion.choices[0].message.content)
