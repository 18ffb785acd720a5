"""Errors that mean that the request was too long for the model, in the words of each server, and errors that resemble them."""

from __future__ import annotations

import json

import pytest

from app.wire.context_length import is_context_too_long
from app.wire.envelope import error_in_body, upstream_error

OUTPUT_LIMIT = (
    "'max_tokens' or 'max_completion_tokens' is too large: {0}. This model's maximum context length is {1} tokens and your "
    "request has {2} input tokens ({0} > {1} - {2})."
)
TOO_LONG = [
    "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8000 in the messages, 1000 in it).",
    "This endpoint's maximum context length is 1048576 tokens. However, you requested about 1293741 tokens",
    "Your input exceeds the context window of this model. Please adjust your input and try again.",
    "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.",
    "Please reduce the length of the messages or completion.",
    "Requested token count exceeds the model's maximum context length of 8192 tokens. You requested a total of 10000 tokens",
    "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
    "The prompt (total length 9000) is longer than the maximum model length of 8192.",
    "the request exceeds the available context size, try increasing it",
    "input is larger than the max context size. skipping",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and 1000",
    "Input validation error: `inputs` must have less than 1024 tokens. Given: 1500",
    "prompt length (4097) exceeds maximum input length (4096)",
    "prompt too long; exceeded max context length by 12 tokens",
    "the input length exceeds the context length",
    "The number of tokens to keep from the initial prompt is greater than the context length.",
    "Trying to keep the first 8202 tokens when context the overflows. The model is loaded with context length of only 4096",
    "Prompt contains 65673 tokens, too large for model with 32768 maximum context length",
    "The prompt is too long: 140000, model maximum context length: 131071",
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5050.",
    "prompt is too long: 208310 tokens > 200000 maximum",
    "input length and `max_tokens` exceed context limit: 198000 + 8192 > 200000, decrease input length",
    "The model returned the following errors: Input is too long for requested model.",
    "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).",
    "Unable to submit request because the input token count is 40,000 but model only supports up to 32768.",
    "prompt token count of 140000 exceeds the limit of 128000",
    "Invalid request: Your request exceeded model token limit: 262144 (requested: 300000)",
    "invalid params, context window exceeds limit",
    "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 98304]",
    "Prompt exceeds max length",
    OUTPUT_LIMIT.format(2000, 4096, 2104),
]
OTHER = [
    OUTPUT_LIMIT.format(10000, 8192, 20),
    "max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000.",
    "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for claude",
    "The maximum tokens you requested exceeds the model limit of 8192.",
    "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000. Please reduce the length of the messages.",
    "Rate limit reached: prompt is too long for your tier",
    "You exceeded your current quota. This model's maximum context length is 8192 tokens.",
    "Invalid 'messages[0].content': string too long. Expected a string with maximum length 1048576, but got 1050000.",
    "Invalid 'metadata.key': string too long. Expected a string with maximum length 512, but got a string with length 600 instead.",
    "messages.0.content.0: image exceeds 5 MB maximum",
    "Unsupported value: 'temperature' does not support 3.",
    "tools.0.function.description: String should have at most 1024 characters",
    "",
]


@pytest.mark.parametrize("message", TOO_LONG)
def test_a_servers_words_are_recognized(message: str) -> None:
    assert is_context_too_long("BadRequestError", "400", message)
    error = upstream_error({"message": message, "type": "BadRequestError", "code": 400, "param": "messages"})
    assert (error.type, error.code, error.param) == ("invalid_request_error", "context_length_exceeded", "messages")
    assert (error.message, error.malformed) == (message, False)


@pytest.mark.parametrize("message", OTHER)
def test_similar_errors_are_not_taken_for_it(message: str) -> None:
    assert not is_context_too_long("invalid_request_error", None, message)


@pytest.mark.parametrize(
    "word", ["context_length_exceeded", "exceed_context_size_error", "model_context_window_exceeded"]
)
def test_a_type_or_code_is_enough(word: str) -> None:
    assert is_context_too_long(word, None, "")
    assert is_context_too_long(None, word, "too big")


@pytest.mark.parametrize("word", ["rate_limit_exceeded", "rate_limit_error", "tokens", "insufficient_quota"])
def test_a_rate_limit_is_never_one(word: str) -> None:
    assert not is_context_too_long(word, "context_length_exceeded", "prompt is too long")
    assert not is_context_too_long("invalid_request_error", word, "prompt is too long")


@pytest.mark.parametrize(
    "body",
    [
        {"error": TOO_LONG[0]},
        {"error": {"message": TOO_LONG[0], "code": 400}},
        {"object": "error", "message": TOO_LONG[0], "type": "BadRequestError", "code": 400},
    ],
)
def test_it_is_recognized_in_the_body_of_a_200(body: object) -> None:
    error = error_in_body(json.dumps(body).encode())
    assert error is not None
    assert (error.type, error.code) == ("invalid_request_error", "context_length_exceeded")
