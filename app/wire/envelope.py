"""Errors as the protocols spell them: read from what an upstream sent, written for a client."""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.exchange import AnswerError

MESSAGE_LENGTH_MAX = 2000
_WORD_LENGTH_MAX = 100
_NO_MESSAGE = "The upstream reported an error."


def error_envelope(*, message: str, type: str, param: str | None = None, code: str | None = None) -> bytes:
    """The body of an OpenAI error, all four members present."""
    return msgspec.json.encode({"error": {"message": message, "type": type, "param": param, "code": code}})


def upstream_error(error: Any, within: Any = None) -> AnswerError:
    """What an upstream says went wrong: an object with message, type, code and param, or a bare message.

    `within` is the object that holds `error`, for protocols that put some of the members there.
    """
    outer: dict[str, Any] = within if isinstance(within, dict) else {}
    inner: dict[str, Any] = error if isinstance(error, dict) else {"message": error}

    def word(name: str) -> str | None:
        return _text(inner.get(name), _WORD_LENGTH_MAX) or _text(outer.get(name), _WORD_LENGTH_MAX)

    message = _text(inner.get("message"), MESSAGE_LENGTH_MAX) or _text(outer.get("message"), MESSAGE_LENGTH_MAX)
    return AnswerError(
        message or _NO_MESSAGE, malformed=False, type=word("type"), code=word("code"), param=word("param")
    )


def error_in_body(body: bytes) -> AnswerError | None:
    """The error that `body` is, None where it is something else."""
    try:
        decoded = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(decoded, dict):
        return None
    if decoded.get("error"):
        return upstream_error(decoded["error"])
    return upstream_error(decoded) if decoded.get("object") == "error" else None


def _text(value: Any, length_max: int) -> str | None:
    """Codes may be numbers; anything that is neither text nor a number says nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)[:length_max] or None
