import base64

response = client.responses.create(
    model="gpt-5.4-mini",
    input="Generate a small product icon for a code API gateway.",
    tools=[{"type": "image_generation"}],
)
made = next(item for item in response.output if item.type == "image_generation_call")
with open("icon.png", "wb") as image:
    image.write(base64.b64decode(made.result))
