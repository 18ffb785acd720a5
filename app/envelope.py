"""The shape of every error: `{"error": {"message", "type", "param", "code"}}`, always with all four members.

Rule 1: text from outside is cleaned before it is shown: no control characters, nothing that looks like a key, bounded length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

JSON = "application/json"
MESSAGE_LENGTH_MAX = 2000

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_SECRET = re.compile(
    r"(?i)\b(?:sk|rk|pk|gsk|xai|whsec)[-_][A-Za-z0-9_*.-]{8,}|\bAIza[\w-]{10,}|\bbearer\s+[A-Za-z0-9._~+/=-]{8,}"
)

_encode = msgspec.json.Encoder().encode


def envelope(
    message: str, *, type: str, code: str | None, param: str | None = None, members: Mapping[str, object] | None = None
) -> bytes:
    """The body of an error answer. `members` are added to the four."""
    error: dict[str, object] = {"message": message, "type": type, "param": param, "code": code}
    if members:
        error = {**members, **error}
    return _encode({"error": error})


def one_line(text: str) -> str:
    """`text` without control characters or lone surrogates, bounded."""
    return _CONTROL.sub(" ", text[: 2 * MESSAGE_LENGTH_MAX]).strip()[:MESSAGE_LENGTH_MAX]


def clean(text: str) -> str:
    """`text` from a vendor, made safe to show: one line, no secret, bounded."""
    return _SECRET.sub("[redacted]", one_line(text))


def close_answer(status: int, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """A complete HTTP/1.1 answer that closes the connection, for requests that never reach the application."""
    head = [f"HTTP/1.1 {status} ", f"content-type: {JSON}", f"content-length: {len(body)}", "connection: close"]
    head += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body
