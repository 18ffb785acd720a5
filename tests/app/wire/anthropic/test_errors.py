from __future__ import annotations

from typing import Any

import pytest

from app.wire.anthropic.errors import answer_error, translate_error


def envelope(kind: Any, message: Any = "Words.") -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("invalid_request_error", ("invalid_request_error", None)),
        ("request_too_large", ("invalid_request_error", "request_too_large")),
        ("not_found_error", ("invalid_request_error", "model_not_found")),
        ("rate_limit_error", ("rate_limit_error", "rate_limit_exceeded")),
        ("overloaded_error", ("server_error", "overloaded")),
        ("timeout_error", ("server_error", "timeout")),
        ("api_error", ("server_error", "server_error")),
        ("authentication_error", ("server_error", "upstream_refused")),
        ("permission_error", ("server_error", "upstream_refused")),
        ("billing_error", ("server_error", "upstream_refused")),
        ("some_new_error", ("server_error", "server_error")),
        (7, ("server_error", "server_error")),
        (["x"], ("server_error", "server_error")),
    ],
)
def test_errors_are_translated_to_openais_terms(kind: Any, words: tuple[str, str | None]) -> None:
    assert translate_error(envelope(kind)) == words


@pytest.mark.parametrize("body", [None, [], "x", {}, {"error": None}, {"error": "x"}, {"error": []}])
def test_a_body_of_another_shape_is_a_server_error(body: Any) -> None:
    assert translate_error(body) == ("server_error", "server_error")


def test_an_error_in_an_answer_keeps_its_message() -> None:
    error = answer_error(envelope("overloaded_error", "Overloaded"))
    assert (error.message, error.type, error.code, error.malformed) == (
        "Overloaded",
        "server_error",
        "overloaded",
        False,
    )


def test_an_error_about_the_operators_account_is_hidden() -> None:
    error = answer_error(envelope("billing_error", "Your credit balance is too low."))
    assert error.message == "The upstream rejected the request."
    assert (error.type, error.code) == ("server_error", "upstream_refused")


@pytest.mark.parametrize(
    "message",
    [
        "Your credit balance is too low to access the API. Please go to Plans & Billing.",
        "You have reached your specified API usage limits. You will regain access on 2026-12-01.",
        "This organization has been disabled.",
    ],
)
def test_an_error_about_the_operators_account_does_not_blame_the_request(message: str) -> None:
    error = answer_error(envelope("invalid_request_error", message))
    assert (error.type, error.code) == ("server_error", "upstream_refused")
    assert error.message == "The upstream rejected the request."


@pytest.mark.parametrize(
    "message",
    [
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    ],
)
def test_a_conversation_that_is_too_long_has_its_own_code(message: str) -> None:
    assert translate_error(envelope("invalid_request_error", message)) == (
        "invalid_request_error",
        "context_length_exceeded",
    )


def test_messages_are_read_only_for_invalid_requests() -> None:
    assert translate_error(envelope("api_error", "prompt is too long")) == ("server_error", "server_error")
    assert translate_error(envelope("invalid_request_error", 7)) == ("invalid_request_error", None)
