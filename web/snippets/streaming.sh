curl --no-buffer https://api.realrouter.org/v1/responses \
  -H "Authorization: Bearer $REALROUTER_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "gpt-5.4-mini",
    "input": "Summarize this note in Chinese.",
    "stream": true
  }'
