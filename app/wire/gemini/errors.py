"""Translates Google's errors into OpenAI's terms.

Shape: {"error": {"code", "message", "status", "details": [{"@type", ...}]}}, alone or as the first of a list. `status` is a name of
google.rpc.Code; `details` may contain an ErrorInfo (with `reason`) and a RetryInfo (with `retryDelay`, "34.4s").

Rule 1: reading an error never raises: invalid parts are ignored.
Rule 2: the gateway's keys, projects and consumers are removed from a message before anyone sees it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from app.wire import envelope as envelopes
from app.wire.envelope import MESSAGE_LENGTH_MAX
from app.wire.exchange import AnswerError

RETRY_SECONDS_MAX: Final = 86_400.0
DETAILS_MAX: Final = 32

_SERVER: Final = ("server_error", "server_error")
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "INVALID_ARGUMENT": ("invalid_request_error", "invalid_value"),
    "FAILED_PRECONDITION": ("invalid_request_error", "invalid_value"),
    "OUT_OF_RANGE": ("invalid_request_error", "invalid_value"),
    "UNAUTHENTICATED": ("authentication_error", "invalid_api_key"),
    "PERMISSION_DENIED": ("permission_error", "permission_denied"),
    "NOT_FOUND": ("invalid_request_error", "not_found"),
    "UNIMPLEMENTED": ("invalid_request_error", "unsupported_parameter"),
    "RESOURCE_EXHAUSTED": ("rate_limit_error", "rate_limit_exceeded"),
    "UNAVAILABLE": ("server_error", "overloaded"),
    "DEADLINE_EXCEEDED": ("server_error", "timeout"),
    "CANCELLED": _SERVER,
    "UNKNOWN": _SERVER,
    "ABORTED": _SERVER,
    "INTERNAL": _SERVER,
    "DATA_LOSS": _SERVER,
}
_STATUSES: Final[dict[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_REASONS: Final[dict[str, tuple[str, str]]] = {
    "API_KEY_INVALID": _WORDS["UNAUTHENTICATED"],
    "API_KEY_EXPIRED": _WORDS["UNAUTHENTICATED"],
    "API_KEY_SERVICE_BLOCKED": _WORDS["PERMISSION_DENIED"],
}
"""Reasons are more specific than statuses: for a wrong key, the status is only INVALID_ARGUMENT."""

_DELAY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s", re.ASCII)
_SECRETS = (
    (re.compile(r"\bAIza[\w\-]{10,}"), "[key]"),
    (re.compile(r"\b(?:api_key|consumer|project_number):\s*'?[\w:/.\-]+'?"), "[project]"),
    (re.compile(r"\bprojects?[/ ]+(?=[\w.:\-]*\d)[\w.:\-]+"), "[project]"),
)


def translate_error(envelope: Any) -> tuple[str | None, str | None, float | None]:
    """OpenAI's type and code for a decoded error body, and the seconds to wait; each is None if unknown."""
    error = error_in(envelope)
    if error is None:
        return None, None, None
    details = _details(error)
    reasons = [_REASONS[word] for detail in details if (word := _word(detail, "reason")) in _REASONS]
    delays = [seconds for detail in details if (seconds := _seconds(detail.get("retryDelay"))) is not None]
    kind, code = reasons[0] if reasons else _by_status(error)
    return kind, code, max(delays, default=None)


def error_in(envelope: Any) -> dict[str, Any] | None:
    """The error object of a body, or None if it is not an error."""
    if isinstance(envelope, list):
        envelope = envelope[0] if envelope else None
    error = envelope.get("error") if isinstance(envelope, dict) else None
    if isinstance(error, str) and error:
        return {"message": error}
    return error if isinstance(error, dict) and error else None


def answer_error(envelope: Any) -> AnswerError | None:
    """The error that arrived in place of an answer, or None if it is an answer."""
    error = error_in(envelope)
    if error is None:
        return None
    kind, code, _ = translate_error(envelope)
    message = error.get("message")
    message = cleaned(message) if isinstance(message, str) and message else "The upstream reported an error."
    return envelopes.answer_error(message, type=kind, code=code)


def cleaned(message: str) -> str:
    """Google's message without anything that identifies the gateway's account."""
    message = message[:MESSAGE_LENGTH_MAX]
    for pattern, instead in _SECRETS:
        message = pattern.sub(instead, message)
    return message


def _by_status(error: dict[str, Any]) -> tuple[str, str]:
    status = _word(error, "status")
    if status in _WORDS:
        return _WORDS[status]
    code = error.get("code")
    return _WORDS[_STATUSES[code]] if type(code) is int and code in _STATUSES else _SERVER


def _details(error: dict[str, Any]) -> list[dict[str, Any]]:
    details = error.get("details")
    return [detail for detail in details[:DETAILS_MAX] if isinstance(detail, dict)] if isinstance(details, list) else []


def _word(holder: dict[str, Any], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _seconds(delay: Any) -> float | None:
    found = _DELAY.fullmatch(delay) if isinstance(delay, str) else None
    return min(float(found[1]), RETRY_SECONDS_MAX) if found else None
