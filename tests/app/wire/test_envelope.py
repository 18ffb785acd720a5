from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.envelope import MESSAGE_LENGTH_MAX, error_envelope, error_in_body, upstream_error


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
