"""Inline content in the form that the protocols use: a base64 data URI (RFC 2397)."""

from __future__ import annotations

import re

from app.wire.strict import invalid

PDF = "application/pdf"
_HEAD_LENGTH_MAX = 256
_DATA_URI = re.compile(r"data:([^;,]+)(?:;[^;,]*)*?;base64$", re.IGNORECASE)


def data_uri(media_type: str, data: str) -> str:
    return f"data:{media_type};base64,{data}"


def split_data_uri(text: str, param: str) -> tuple[str, str] | None:
    """A data URI's media type and base64, or None if `text` is not a data URI. Raises RequestError if it is not base64."""
    if text[:5].lower() != "data:":
        return None
    head, comma, _ = text[: _HEAD_LENGTH_MAX + 1].partition(",")
    found = _DATA_URI.fullmatch(head)
    if not comma or found is None:
        raise invalid(param, "A data URI must have a media type and base64 data: 'data:<type>;base64,<data>'.")
    payload = text[len(head) + 1 :]
    if not payload:
        raise invalid(param, "The data URI is empty.")
    return found[1].lower(), payload
