curl https://api.realrouter.org/v1/chat/completions \
  -H "Authorization: Bearer $REALROUTER_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "gpt-5.4-mini",
    "messages": [{"role": "user", "content": "Summarize this note in Chinese."}]
  }'
