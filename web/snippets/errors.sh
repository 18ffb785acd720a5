curl -i https://api.realrouter.org/v1/responses \
  -H "Authorization: Bearer $REALROUTER_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{"model": "no-such-model", "input": "Summarize this note in Chinese."}'
