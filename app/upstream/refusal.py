"""Turns an upstream's error response into UpstreamRefused. Reads the envelopes of OpenAI (nested or flat), Anthropic and Google.

Rule 1: any body, even an empty or malformed one, gives one UpstreamRefused; reading it raises nothing else.
Rule 2: the message may be shown to a client, so it is limited in length and names none of the gateway's keys, organisations or
        projects.
Rule 3: an error that means that the request does not fit into the model's context becomes 400 `context_length_exceeded`, whatever
        its status and words (app/wire/context_length.py). The message stays the vendor's: clients know those words, too.
Rule 4: an error about the gateway's account at the vendor (key, permission, credit, a model it may not use) becomes 403, whatever
        its status: the operator has to fix it, and another upstream may serve the request.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from app.faults import UpstreamRefused
from app.wire.anthropic import errors as anthropic
from app.wire.context_length import CODE, TYPE, is_context_too_long
from app.wire.dialects import Dialect
from app.wire.gemini import errors as gemini

REFUSAL_BYTES_MAX = 64 * 1024
MESSAGE_CHARS_MAX = 500
FIELD_CHARS_MAX = 100
RETRY_AFTER_SECONDS_MAX = 86_400.0

_SECRETS = (
    (re.compile(r"\b(?:sk|rk|sess)-[\w*.\-]+"), "[key]"),
    (re.compile(r"\bBearer\s+\S+", re.IGNORECASE), "[key]"),
    (re.compile(r"\borg-[\w\-]+"), "[organization]"),
    (re.compile(r"\bproj_[\w\-]+"), "[project]"),
    (re.compile(r"\bAIza[\w\-]{10,}"), "[key]"),
    (re.compile(r"\b(?:api_key|consumer|project_number):\s*'?[\w:/.\-]+'?"), "[project]"),
    (re.compile(r"\bprojects?[/ ]+(?=[\w.:\-]*\d)[\w.:\-]+"), "[project]"),
)
_OUR_WORDS = frozenset(
    {
        *("authentication_error", "permission_error", "billing_error", "invalid_api_key", "permission_denied"),
        *("account_deactivated", "billing_not_active", "billing_hard_limit_reached", "upstream_refused"),
    }
)
_OUR_ACCOUNT = re.compile(
    r"credit balance|billing (?:account|details|hard limit)|API key not valid|plans? & billing"
    r"|\b(?:your|this) organi[sz]ation\b|insufficient (?:account )?(?:balance|credit|fund)",
    re.IGNORECASE,
)
"""How vendors report the state of our account in an ordinary 400."""
_NEVER_TOO_LONG = frozenset({401, 402, 403, 404, 429})
"""Any other status may come with a request that does not fit into the context: 400, 413, 422 and even 500."""
_NO_SUCH_MODEL = frozenset({"model_not_found", "not_found"})
"""With a 404: the configuration names the upstream's models; clients do not."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def refused(
    upstream_name: str, status: int, headers: Mapping[str, str], body: bytes, dialect: Dialect = "responses"
) -> UpstreamRefused:
    """The error for a response with this status. `headers` have lower-case names. A body over REFUSAL_BYTES_MAX, or not JSON, is
    not quoted."""
    decoded = _decoded(body)
    envelope = _envelope(decoded)
    kind, code, wait = _words(decoded, envelope, dialect)
    wait_from_headers = retry_after(headers, datetime.now(UTC))
    return refused_with(
        upstream_name,
        envelope.get("message"),
        status=status,
        type=kind,
        code=code,
        param=envelope.get("param"),
        retry_after=wait if wait_from_headers is None else wait_from_headers,
    )


def refused_with(
    upstream_name: str,
    message: object,
    *,
    status: int,
    type: str | None,
    code: str | None,
    param: object,
    retry_after: float | None = None,
) -> UpstreamRefused:
    """The error for these words of a vendor, from an error response or from inside an answer, with secrets removed."""
    shown = _text(message, MESSAGE_CHARS_MAX) or ""
    if status not in _NEVER_TOO_LONG and is_context_too_long(type, code, shown):
        status, type, code = 400, TYPE, CODE  # noqa: A001 - the parameter's name
    ours = (
        type in _OUR_WORDS
        or code in _OUR_WORDS
        or status == 402
        or (status == 404 and code in _NO_SUCH_MODEL)
        or (status < 500 and _OUR_ACCOUNT.search(shown) is not None)
    )
    return UpstreamRefused(
        upstream_name,
        shown or f"The upstream answered with status {status}.",
        status=403 if ours and status not in (401, 429) else status,
        code=None if code is None or code.isdigit() else code,
        type=type,
        param=_text(param, FIELD_CHARS_MAX),
        retry_after=retry_after,
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait, from `retry-after-ms`, or `retry-after` as seconds or as a date; at most a day."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000)
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None:
        return _bounded(seconds)
    if value is None:
        return None
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return _bounded((date - now).total_seconds())


def _words(decoded: Any, envelope: dict[str, Any], dialect: Dialect) -> tuple[str | None, str | None, float | None]:
    """Type and code in OpenAI's terms, and the seconds to wait if the body has them."""
    if dialect == "anthropic":
        return (*anthropic.translate_error(decoded), None)
    if dialect == "gemini":
        return gemini.translate_error(decoded)
    return _text(envelope.get("type"), FIELD_CHARS_MAX), _text(envelope.get("code"), FIELD_CHARS_MAX), None


def _decoded(body: bytes) -> Any:
    if len(body) > REFUSAL_BYTES_MAX:
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None


def _envelope(value: Any) -> dict[str, Any]:
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return {}
    error = value.get("error", value)
    if isinstance(error, str):
        return {**value, "message": error}
    if not isinstance(error, dict):
        return {}
    if "message" not in error and isinstance(error.get("detail"), str):
        return {**error, "message": error["detail"]}
    return error


def _text(value: object, chars_max: int) -> str | None:
    """`value` as one line without secrets, at most `chars_max` long, or None if it is empty or not text."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    # The cut before cleaning limits the work; the cut after cleaning limits the result. A secret that is cut in half still matches.
    text = _CONTROL.sub(" ", str(value)[: chars_max * 4])
    for pattern, name in _SECRETS:
        text = pattern.sub(name, text)
    text = text.strip()
    if len(text) > chars_max:
        text = text[: chars_max - 1] + "…"
    return text or None


def _number(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), RETRY_AFTER_SECONDS_MAX)
