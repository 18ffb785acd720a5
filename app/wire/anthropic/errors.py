"""Translates Anthropic's errors into OpenAI's terms.

Rule 1: an error body is {"type": "error", "error": {"type", "message"}}, both over HTTP and inside a stream.
Rule 2: errors about the operator's own account (key, permission, billing) are not the client's concern and become server errors.
        Some of them arrive as an invalid request and are recognized only by their message.
"""

from __future__ import annotations

import re
from typing import Any, Final

from app.wire import envelope as envelopes
from app.wire.context_length import CODE, TYPE, is_context_too_long
from app.wire.envelope import MESSAGE_LENGTH_MAX, upstream_error
from app.wire.exchange import AnswerError

OPENAI_ERRORS: Final[dict[str, tuple[str, str | None]]] = {
    "invalid_request_error": ("invalid_request_error", None),
    "request_too_large": ("invalid_request_error", "request_too_large"),
    "not_found_error": ("invalid_request_error", "model_not_found"),
    "conflict_error": ("invalid_request_error", "conflict"),
    "rate_limit_error": ("rate_limit_error", "rate_limit_exceeded"),
    "overloaded_error": ("server_error", "overloaded"),
    "timeout_error": ("server_error", "timeout"),
    "api_error": ("server_error", "server_error"),
    "authentication_error": ("server_error", "upstream_refused"),
    "permission_error": ("server_error", "upstream_refused"),
    "billing_error": ("server_error", "upstream_refused"),
}
"""Anthropic's error type -> OpenAI's type and code."""

UNKNOWN: Final = ("server_error", "server_error")
OPERATOR_ERROR: Final = "upstream_refused"
_GENERIC_MESSAGE: Final = "The upstream rejected the request."


_BY_MESSAGE: Final = (
    (
        re.compile(r"credit balance|API usage limits|organization has been disabled", re.IGNORECASE),
        ("server_error", OPERATOR_ERROR),
    ),
)
"""Invalid requests whose message shows a more specific error."""


def translate_error(envelope: Any) -> tuple[str, str | None]:
    """OpenAI's type and code for a decoded error body, which may be anything."""
    error = envelope.get("error") if isinstance(envelope, dict) else None
    kind, message = (error.get("type"), error.get("message")) if isinstance(error, dict) else (None, None)
    if kind == "invalid_request_error" and isinstance(message, str):
        head = message[:MESSAGE_LENGTH_MAX]
        if is_context_too_long(None, None, head):
            return TYPE, CODE
        return next((words for pattern, words in _BY_MESSAGE if pattern.search(head)), OPENAI_ERRORS[kind])
    return OPENAI_ERRORS.get(kind, UNKNOWN) if isinstance(kind, str) else UNKNOWN


def answer_error(envelope: dict[str, Any]) -> AnswerError:
    """The error that arrived in place of an answer, or inside one."""
    kind, code = translate_error(envelope)
    message = _GENERIC_MESSAGE if code == OPERATOR_ERROR else upstream_error(envelope.get("error"), envelope).message
    return envelopes.answer_error(message, type=kind, code=code)
