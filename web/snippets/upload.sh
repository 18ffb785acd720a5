curl https://api.realrouter.org/v1/files \
  -H "Authorization: Bearer $REALROUTER_API_KEY" \
  -F purpose=user_data \
  -F file=@document.pdf
