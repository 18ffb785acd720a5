"""Refusals as the vendors write them: what a client may be told, and whose affair it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.upstream.refusal import refused
from app.wire.dialects import Dialect


def anthropic(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def google(code: int, status: str, message: str, *details: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
_NO_MODEL = {"error": {"message": "The model `up` does not exist", "type": "t", "code": "model_not_found"}}
CASES: list[tuple[Dialect, int, Any, int, str | None, str | None, float | None]] = [
    ("anthropic", 400, anthropic("invalid_request_error", "max_tokens: too large"), 400, "invalid_request_error", None, None),
    ("anthropic", 429, anthropic("rate_limit_error", "slow"), 429, "rate_limit_error", "rate_limit_exceeded", None),
    ("anthropic", 529, anthropic("overloaded_error", "busy"), 529, "server_error", "overloaded", None),
    ("anthropic", 401, anthropic("authentication_error", "bad key"), 401, "server_error", "upstream_refused", None),
    ("anthropic", 400, anthropic("invalid_request_error", "credit balance too low"), 403, "server_error", "upstream_refused", None),
    ("gemini", 429, google(429, "RESOURCE_EXHAUSTED", "quota", RETRY), 429, "rate_limit_error", "rate_limit_exceeded", 34.4),
    ("gemini", 429, [google(429, "RESOURCE_EXHAUSTED", "quota", RETRY)], 429, "rate_limit_error", "rate_limit_exceeded", 34.4),
    ("gemini", 400, google(400, "INVALID_ARGUMENT", "no", BAD_KEY), 403, "authentication_error", "invalid_api_key", None),
    ("gemini", 400, google(400, "INVALID_ARGUMENT", "no"), 400, "invalid_request_error", "invalid_value", None),
    ("gemini", 503, "not an object", 503, None, None, None),
    ("responses", 400, {"error": {"message": "no", "type": "t", "code": 7}}, 400, "t", None, None),
    ("chat", 402, {"error": {"message": "Insufficient Balance", "type": "t", "code": "x"}}, 403, "t", "x", None),
    ("chat", 400, {"error": {"message": "Your organization must be verified to stream.", "type": "t"}}, 403, "t", None, None),
    ("chat", 404, _NO_MODEL, 403, "t", "model_not_found", None),
    ("chat", 404, {"error": {"message": "Item 'rs_1' not found", "type": "t", "code": None}}, 404, "t", None, None),
    ("anthropic", 404, anthropic("not_found_error", "model: claude-x"), 403, "invalid_request_error", "model_not_found", None),
    ("gemini", 404, google(404, "NOT_FOUND", "models/x is not found"), 403, "invalid_request_error", "not_found", None),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "status", "body", "mapped", "kind", "code", "wait"), CASES)
def test_a_refusal_in_openais_words(
    dialect: Dialect, status: int, body: Any, mapped: int, kind: str | None, code: str | None, wait: float | None
) -> None:
    refusal = refused("vendor", status, {}, json.dumps(body).encode(), dialect)
    assert (refusal.status, refusal.type, refusal.code, refusal.retry_after) == (mapped, kind, code, wait)


_LONG = "This model's maximum context length is 8192 tokens. However, your request has 9000 input tokens."
_TGI = "Input validation error: `inputs` must have less than 1024 tokens. Given: 1500"
_GEMINI = "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)."
_TPM = "Request too large for `x` on tokens per minute (TPM): Limit 6000, Requested 9000, please reduce the length of the messages."
TOO_LONG: list[tuple[Dialect, int, Any]] = [
    ("chat", 400, {"object": "error", "message": _LONG, "type": "BadRequestError", "code": 400}),
    ("responses", 400, {"error": {"message": _LONG, "type": "BadRequestError", "param": None, "code": 400}}),
    ("chat", 400, {"error": {"code": 400, "type": "exceed_context_size_error", "message": "the request exceeds it"}}),
    ("chat", 500, {"error": {"code": 500, "message": "the request exceeds the available context size", "type": "server_error"}}),
    ("chat", 422, {"error": _TGI, "error_type": "validation"}),
    ("chat", 413, {"detail": _LONG}),
    ("chat", 400, {"error": "prompt too long; exceeded max context length by 12 tokens"}),
    ("chat", 400, {"code": "Client specified an invalid argument", "error": "This model's maximum prompt length is 131072 but"}),
    ("gemini", 400, google(400, "INVALID_ARGUMENT", _GEMINI)),
    ("gemini", 400, [google(400, "INVALID_ARGUMENT", _GEMINI)]),
    ("anthropic", 400, anthropic("invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum")),
    ("anthropic", 413, anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2")),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "status", "body"), TOO_LONG)
def test_a_request_that_is_too_long_for_the_model_has_openais_code(dialect: Dialect, status: int, body: Any) -> None:
    refusal = refused("vendor", status, {}, json.dumps(body).encode(), dialect)
    expected = (400, "invalid_request_error", "context_length_exceeded")
    assert (refusal.status, refusal.type, refusal.code) == expected
    assert refusal.message in json.dumps(body)
    assert not refusal.retryable


@pytest.mark.parametrize("status", [401, 403, 404, 413, 429])
def test_a_rate_limit_or_an_account_is_not_a_long_request(status: int) -> None:
    body = {"error": {"message": _TPM, "type": "tokens", "code": "rate_limit_exceeded"}}
    assert refused("vendor", status, {}, json.dumps(body).encode(), "chat").code == "rate_limit_exceeded"
    if status != 413:
        long = json.dumps({"error": {"message": _LONG}}).encode()
        assert refused("vendor", status, {}, long, "chat").code is None


def test_a_header_outranks_the_body() -> None:
    body = json.dumps(google(429, "RESOURCE_EXHAUSTED", "quota", RETRY)).encode()
    assert refused("vendor", 429, {"retry-after": "3"}, body, "gemini").retry_after == 3


def test_what_names_our_account_does_not_leave() -> None:
    message = "API key AIzaSyD-0123456789abcdef of projects/4711 and consumer: 'projects/4711' sk-ant-api03-abc org-XYZ"
    refusal = refused("vendor", 400, {}, json.dumps(google(400, "INVALID_ARGUMENT", message)).encode(), "gemini")
    for secret in ("AIza", "4711", "sk-ant", "XYZ"):
        assert secret not in refusal.message
