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


def test_a_header_outranks_the_body() -> None:
    body = json.dumps(google(429, "RESOURCE_EXHAUSTED", "quota", RETRY)).encode()
    assert refused("vendor", 429, {"retry-after": "3"}, body, "gemini").retry_after == 3


def test_what_names_our_account_does_not_leave() -> None:
    message = "API key AIzaSyD-0123456789abcdef of projects/4711 and consumer: 'projects/4711' sk-ant-api03-abc org-XYZ"
    refusal = refused("vendor", 400, {}, json.dumps(google(400, "INVALID_ARGUMENT", message)).encode(), "gemini")
    for secret in ("AIza", "4711", "sk-ant", "XYZ"):
        assert secret not in refusal.message
