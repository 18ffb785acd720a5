curl https://api.realrouter.org/v1/responses \
  -H "Authorization: Bearer $REALROUTER_API_KEY" \
  -H "Content-Type: application/json" \
  -H "Idempotency-Key: summary-2026-11-26-0001" \
  -d '{"model": "gpt-5.4-mini", "input": "Summarize this note in Chinese."}'
