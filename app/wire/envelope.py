"""Errors as the protocols represent them: read from an upstream's response, written for a client."""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.context_length import CODE, TYPE, is_context_too_long
from app.wire.exchange import AnswerError

MESSAGE_LENGTH_MAX = 2000
_WORD_LENGTH_MAX = 100
_ANSWERS = ("choices", "output", "candidates", "content", "usage")
_CODES = ("code", "error_code", "errcode", "status_code", "status")
_MESSAGES = ("message", "msg", "error_msg", "errmsg", "status_msg")
_SUCCESSES = frozenset({"", "0", "200", "ok", "success", "succeeded"})
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


def unnamed_error(holder: dict[str, Any]) -> AnswerError | None:
    """The error in an answer that has no `error` member, as some servers send with status 200, or None if it is not an error.

    MiniMax: `base_resp` with `status_code` and `status_msg`. Others, instead of an answer: a code and a message, under
    several names.
    """
    base = holder.get("base_resp")
    if isinstance(base, dict) and _is_failure(base.get("status_code")):
        return upstream_error({"code": base["status_code"], "message": base.get("status_msg")})
    if holder.get("object") == "error":
        return upstream_error(holder)
    if any(holder.get(name) for name in _ANSWERS):
        return None
    code = next((holder[name] for name in _CODES if _is_failure(holder.get(name))), None)
    message = next((holder[name] for name in _MESSAGES if _text(holder.get(name), MESSAGE_LENGTH_MAX)), None)
    if message is None or (code is None and holder.get("success") is not False):
        return None
    return upstream_error({"code": code, "message": message}, holder)


def _is_failure(code: Any) -> bool:
    text = _text(code, _WORD_LENGTH_MAX)
    return text is not None and text.lower() not in _SUCCESSES


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
    return unnamed_error(decoded)


def _text(value: Any, length_max: int) -> str | None:
    """Codes may be numbers. Anything other than text or an integer is ignored."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)[:length_max] or None
