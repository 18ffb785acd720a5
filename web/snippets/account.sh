curl https://api.realrouter.org/api/balance \
  -H "Authorization: Bearer $REALROUTER_API_KEY"

curl "https://api.realrouter.org/api/usage?by=model&from=2026-01-01" \
  -H "Authorization: Bearer $REALROUTER_API_KEY"

curl "https://api.realrouter.org/api/transactions?limit=5" \
  -H "Authorization: Bearer $REALROUTER_API_KEY"
