for model in client.models.list():
    print(model.id, model.pricing["prompt"], model.pricing["completion"])
