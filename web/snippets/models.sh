curl https://api.realrouter.org/v1/models
