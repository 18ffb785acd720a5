import os
from openai import OpenAI
client = OpenAI(
    api_key=os.environ["REALROUTER_KEY"],
    base_url="https://api.realrouter.org/v1",
)
response = client.responses.create(
    model="gpt-5.4-mini",
    input="Summarize this note in Chinese.",
)
print(response.output_text)
