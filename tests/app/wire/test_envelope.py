from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.envelope import MESSAGE_LENGTH_MAX, error_envelope, error_in_body, unnamed_error, upstream_error


def error_fields(error: Any, within: Any = None) -> tuple[str, str | None, str | None, str | None]:
    found = upstream_error(error, within)
    assert not found.malformed
    return found.message, found.type, found.code, found.param


def test_an_envelope_has_all_four_members() -> None:
    body = error_envelope(message="No.", type="server_error")
    assert json.loads(body) == {"error": {"message": "No.", "type": "server_error", "param": None, "code": None}}


@pytest.mark.parametrize(
    ("error", "within", "expected"),
    [
        ({"message": "m", "type": "t", "code": "c", "param": "p"}, None, ("m", "t", "c", "p")),
        ({"message": "m", "code": 429}, None, ("m", None, "429", None)),
        ("overloaded", None, ("overloaded", None, None, None)),
        ({"message": ["m"], "code": True}, None, ("The upstream reported an error.", None, None, None)),
        (None, {"message": "m", "code": "c", "param": "p"}, ("m", None, "c", "p")),
        ({"message": ""}, {"message": "outer"}, ("outer", None, None, None)),
        (None, None, ("The upstream reported an error.", None, None, None)),
    ],
)
def test_an_upstreams_error_is_read(error: Any, within: Any, expected: tuple[Any, ...]) -> None:
    assert error_fields(error, within) == expected


def test_a_long_message_is_cut() -> None:
    assert len(upstream_error("x" * 10_000).message) == MESSAGE_LENGTH_MAX


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"m"}}', "m"),
        (b'{"object":"error","message":"m"}', "m"),
        (b'{"error":null}', None),
        (b'{"object":"response"}', None),
        (b"[]", None),
        (b"<html>", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_a_body_that_is_an_error(body: bytes, message: str | None) -> None:
    found = error_in_body(body)
    assert (found and found.message) == message


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        ({"base_resp": {"status_code": 1008, "status_msg": "no balance"}, "choices": None}, "1008", "no balance"),
        ({"base_resp": {"status_code": 1027}, "choices": [{}]}, "1027", "The upstream reported an error."),
        ({"code": 1234, "msg": "no"}, "1234", "no"),
        ({"code": "InvalidParameter", "message": "bad", "request_id": "r"}, "InvalidParameter", "bad"),
        ({"success": False, "msg": "no"}, None, "no"),
        ({"error_code": 17, "error_msg": "limit"}, "17", "limit"),
        ({"status": 500, "message": "no"}, "500", "no"),
        ({"object": "error", "message": "no", "code": 40303}, "40303", "no"),
    ],
)
def test_an_error_without_an_error_member(answer: dict[str, Any], code: str | None, message: str) -> None:
    error = unnamed_error(answer)
    assert error is not None
    assert (str(error), error.code, error.malformed) == (message, code, False)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"base_resp": {"status_code": 0, "status_msg": "success"}},
        {"base_resp": {"status_code": 0}, "choices": [{}]},
        {"code": 200, "msg": "success"},
        {"code": 0, "message": "ok", "success": True},
        {"code": 1234},
        {"message": "hello"},
        {"code": 5, "message": "m", "choices": [{}]},
        {"status": "in_progress", "message": "m", "usage": {"total_tokens": 1}},
    ],
)
def test_an_answer_that_is_no_error(answer: dict[str, Any]) -> None:
    assert unnamed_error(answer) is None
