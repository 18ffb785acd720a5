"""An upstream's refusal, read from its OpenAI error envelope, nested or flat, or from no envelope at all.

Rule 1: whatever the body is, the result is one UpstreamRefused; reading it never raises anything else.
Rule 2: what leaves here may be shown to a client, so it is bounded and names no key, organisation or project of ours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from app.upstream.base import UpstreamRefused

REFUSAL_BYTES_MAX = 64 * 1024
MESSAGE_CHARS_MAX = 500
FIELD_CHARS_MAX = 100
RETRY_AFTER_SECONDS_MAX = 86_400.0

_SECRETS = (
    (re.compile(r"\b(?:sk|rk|sess)-[\w*.\-]+"), "[key]"),
    (re.compile(r"\bBearer\s+\S+", re.IGNORECASE), "[key]"),
    (re.compile(r"\borg-[\w\-]+"), "[organization]"),
    (re.compile(r"\bproj_[\w\-]+"), "[project]"),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def refused(upstream_name: str, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamRefused:
    """`headers` have lower-case names. A body over REFUSAL_BYTES_MAX, or one that is not JSON, is not quoted."""
    envelope = _envelope(body)
    message = _text(envelope.get("message"), MESSAGE_CHARS_MAX)
    return UpstreamRefused(
        upstream_name,
        message or f"The upstream answered with status {status}.",
        status=status,
        code=_text(envelope.get("code"), FIELD_CHARS_MAX),
        type=_text(envelope.get("type"), FIELD_CHARS_MAX),
        param=_text(envelope.get("param"), FIELD_CHARS_MAX),
        retry_after=retry_after(headers, datetime.now(UTC)),
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


def _envelope(body: bytes) -> dict[str, Any]:
    if len(body) > REFUSAL_BYTES_MAX:
        return {}
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {}
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
    """`value` as one clean, bounded line; None where there is nothing to say."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    # Cut before cleaning bounds the work; cut after cleaning bounds the result. A secret cut in half is still matched.
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
