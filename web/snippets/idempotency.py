import uuid
from openai import ConflictError

order = f"summary-{uuid.uuid4()}"  # your own id, one for each piece of work

def summarize():
    return client.responses.create(
        model="gpt-5.4-mini",
        input="Summarize this note in Chinese.",
        extra_headers={"Idempotency-Key": order},
    )

print(summarize().output_text)
try:
    summarize()
except ConflictError as error:
    print(error.code, error.body["request_id"], error.body["state"])
