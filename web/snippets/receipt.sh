curl https://api.realrouter.org/api/requests/$REQUEST_ID \
  -H "Authorization: Bearer $REALROUTER_API_KEY"
