from openai import APIStatusError, OpenAIError

try:
    response = client.responses.create(
        model="no-such-model",
        input="Summarize this note in Chinese.",
    )
except APIStatusError as error:
    print(error.status_code, error.code, error.param, error.request_id)
except OpenAIError as error:
    print("No answer:", error)
