"""Inline content in the form that the protocols use: a base64 data URI (RFC 2397)."""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote, unquote_to_bytes

from app.wire.strict import invalid

PDF = "application/pdf"
_HEAD_LENGTH_MAX = 256
_DATA_URI = re.compile(r"data:\s*([^;,\s]+)\s*(?:;[^;,]*)*$", re.IGNORECASE)
_BASE64 = re.compile(r";\s*base64\s*$", re.IGNORECASE)
_UNUSUAL = re.compile(r"[\s%_-]")
_SPACE = re.compile(r"\s+")
_URL_SAFE = str.maketrans("-_", "+/")
_SPELLINGS = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "application/x-pdf": PDF,
    "application/acrobat": PDF,
    "text/pdf": PDF,
}
"""Media types as some clients spell them -> the registered ones."""


def data_uri(media_type: str, data: str) -> str:
    return f"data:{media_type};base64,{data}"


def split_data_uri(text: str, param: str) -> tuple[str, str] | None:
    """A data URI's media type and base64, or None if `text` is not a data URI. Raises RequestError if it has no type or no data.

    The type is the registered one, without parameters. The base64 is standard, whichever alphabet, spaces or padding it had; data
    in percent-encoding is converted to base64.
    """
    if text[:5].lower() != "data:":
        return None
    head, comma, _ = text[: _HEAD_LENGTH_MAX + 1].partition(",")
    found = _DATA_URI.fullmatch(head)
    if not comma or found is None:
        raise invalid(param, "A data URI must have a media type and base64 data: 'data:<type>;base64,<data>'.")
    payload = text[len(head) + 1 :]
    if not payload:
        raise invalid(param, "The data URI is empty.")
    if _BASE64.search(head) is None:
        return media_type_of(found[1]), base64.b64encode(unquote_to_bytes(payload)).decode()
    return media_type_of(found[1]), standard_base64(payload)


def media_type_of(spelling: str) -> str:
    """The registered media type, without parameters."""
    name = spelling.partition(";")[0].strip().lower()
    return _SPELLINGS.get(name, name)


def standard_base64(payload: str) -> str:
    """Base64 in the standard alphabet, with padding and without spaces. What is no base64 at all stays invalid."""
    if _UNUSUAL.search(payload):
        if "%" in payload:
            payload = unquote(payload)
        payload = _SPACE.sub("", payload).translate(_URL_SAFE)
    return payload + "=" * (-len(payload) % 4) if len(payload) % 4 != 1 else payload
