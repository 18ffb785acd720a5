"""Errors as the protocols represent them: read from an upstream's response, written for a client."""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.context_length import CODE, TYPE, is_context_too_long
from app.wire.exchange import AnswerError

MESSAGE_LENGTH_MAX = 2000
_WORD_LENGTH_MAX = 100
_NO_MESSAGE = "The upstream reported an error."


def error_envelope(*, message: str, type: str, param: str | None = None, code: str | None = None) -> bytes:
    """The body of an OpenAI error, with all four members present."""
    return msgspec.json.encode({"error": {"message": message, "type": type, "param": param, "code": code}})


def upstream_error(error: Any, within: Any = None) -> AnswerError:
    """The error that an upstream reported: an object with message, type, code and param, or just a message.

    `within` is the object that contains `error`; some protocols put members of the error there.
    """
    outer: dict[str, Any] = within if isinstance(within, dict) else {}
    inner: dict[str, Any] = error if isinstance(error, dict) else {"message": error}

    def word(name: str) -> str | None:
        return _text(inner.get(name), _WORD_LENGTH_MAX) or _text(outer.get(name), _WORD_LENGTH_MAX)

    message = _text(inner.get("message"), MESSAGE_LENGTH_MAX) or _text(outer.get("message"), MESSAGE_LENGTH_MAX)
    return answer_error(message or _NO_MESSAGE, type=word("type"), code=word("code"), param=word("param"))


def answer_error(message: str, *, type: str | None, code: str | None, param: str | None = None) -> AnswerError:
    """An upstream's error in these words, or in OpenAI's own if the request was too long for the model."""
    if is_context_too_long(type, code, message):
        type, code = TYPE, CODE  # noqa: A001 - the parameter's name
    return AnswerError(message, malformed=False, type=type, code=code, param=param)


def error_in(holder: dict[str, Any]) -> Any:
    """The `error` member, or None if it is empty: null, "", false, or an object whose members are all empty."""
    error = holder.get("error")
    if isinstance(error, dict):
        return error if any(error.values()) else None
    return error or None


def error_in_body(body: bytes) -> AnswerError | None:
    """The error that `body` contains, or None if it is not an error."""
    try:
        decoded = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(decoded, dict):
        return None
    if error := error_in(decoded):
        return upstream_error(error)
    return upstream_error(decoded) if decoded.get("object") == "error" else None


def _text(value: Any, length_max: int) -> str | None:
    """Codes may be numbers. Anything other than text or an integer is ignored."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)[:length_max] or None
