"""Google's errors translated to OpenAI's terms."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.gemini.errors import answer_error, translate_error

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "code", "status", "message", "details", "reason", "retryDelay"]), inner
        )
    ),
    max_leaves=12,
)


def error_body(status: str | None = None, code: Any = None, details: Any = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": "No.", "status": status, "details": details}}


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("INVALID_ARGUMENT", "invalid_request_error", "invalid_value"),
        ("FAILED_PRECONDITION", "invalid_request_error", "invalid_value"),
        ("OUT_OF_RANGE", "invalid_request_error", "invalid_value"),
        ("UNAUTHENTICATED", "authentication_error", "invalid_api_key"),
        ("PERMISSION_DENIED", "permission_error", "permission_denied"),
        ("NOT_FOUND", "invalid_request_error", "not_found"),
        ("UNIMPLEMENTED", "invalid_request_error", "unsupported_parameter"),
        ("RESOURCE_EXHAUSTED", "rate_limit_error", "rate_limit_exceeded"),
        ("UNAVAILABLE", "server_error", "overloaded"),
        ("DEADLINE_EXCEEDED", "server_error", "timeout"),
        ("INTERNAL", "server_error", "server_error"),
        ("SOMETHING_NEW", "server_error", "server_error"),
    ],
)
def test_a_status_is_a_type_and_a_code(status: str, kind: str, code: str) -> None:
    assert translate_error(error_body(status)) == (kind, code, None)
    assert translate_error([error_body(status)]) == (kind, code, None)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (400, "invalid_value"),
        (429, "rate_limit_exceeded"),
        (503, "overloaded"),
        (500, "server_error"),
        (True, "server_error"),
        ("429", "server_error"),
        ([], "server_error"),
    ],
)
def test_without_a_status_the_number_counts(number: Any, code: str) -> None:
    assert translate_error(error_body(code=number))[1] == code


def test_a_wrong_key_is_recognized_by_its_reason() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    assert translate_error(error_body("INVALID_ARGUMENT", 400, ["x", {}, info])) == (
        "authentication_error",
        "invalid_api_key",
        None,
    )


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        ("34.4s", 34.4),
        ("0s", 0.0),
        ("999999999s", 86_400.0),
        ("34.4", None),
        ("-1s", None),
        ("1e9s", None),
        (34, None),
        (None, None),
    ],
)
def test_a_delay_is_seconds(delay: Any, seconds: float | None) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    assert translate_error(error_body("RESOURCE_EXHAUSTED", 429, [info]))[2] == seconds


def test_the_longest_delay_counts() -> None:
    assert translate_error(error_body("UNAVAILABLE", 503, [{"retryDelay": "1s"}, {"retryDelay": "5s"}]))[2] == 5.0


@pytest.mark.parametrize(
    "body", [None, {}, [], "error", 7, {"error": None}, {"error": {}}, {"error": []}, [[]], {"error": ""}]
)
def test_anything_but_an_error_is_ignored(body: Any) -> None:
    assert translate_error(body) == (None, None, None)
    assert answer_error(body) is None


def test_a_bare_message_is_an_error() -> None:
    error = answer_error({"error": "Broken."})
    assert error is not None
    assert (error.message, error.type, error.malformed) == ("Broken.", "server_error", False)


@pytest.mark.parametrize("message", [None, 7, ""])
def test_an_error_without_a_message_gets_a_generic_one(message: Any) -> None:
    error = answer_error({"error": {"message": message, "status": "INTERNAL"}})
    assert error is not None
    assert error.message == "The upstream reported an error."


@pytest.mark.parametrize(
    ("message", "seen"),
    [
        ("Bad key AIzaSyA1234567890_-abc.", "Bad key [key]."),
        (
            "Gemini API has not been used in project 123456789012 before.",
            "Gemini API has not been used in [project] before.",
        ),
        ("Denied on projects/my-proj-1/locations", "Denied on [project]/locations"),
        ("Over for consumer: 'project_number:12345'.", "Over for [project]."),
        ("Your project is small.", "Your project is small."),
        ("x" * 5000, "x" * 2000),
    ],
)
def test_a_message_does_not_identify_the_gateways_account(message: str, seen: str) -> None:
    error = answer_error({"error": {"message": message, "code": 403}})
    assert error is not None
    assert error.message == seen


@given(JSON)
def test_reading_an_error_never_raises(body: Any) -> None:
    translate_error(body)
    answer_error(body)
