"""Reads the properties of a generated image: its format from the media type, its size from its own header.

Rule: an image is untrusted input. An invalid header is ignored, and only a limited prefix is decoded.
"""

from __future__ import annotations

import base64
import binascii
import struct
from typing import Any, Final

_HEAD_CHARS: Final = 64 * 1024
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8"
_JPEG_SIZES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of JPEG frame headers; their segment contains the size."""


def image_details(media_type: str, data: str) -> dict[str, Any]:
    """The members of OpenAI's item that can be derived from an image: output_format, and size if the header has it."""
    members: dict[str, Any] = {"output_format": media_type.removeprefix("image/")}
    size = _size(data)
    return members if size is None else members | {"size": size}


def _size(data: str) -> str | None:
    try:
        head = base64.b64decode(data[:_HEAD_CHARS], validate=True)
        width, height = _png_size(head) if head.startswith(_PNG) else _jpeg_size(head)
    except (binascii.Error, ValueError, struct.error):
        return None
    return f"{width}x{height}" if width and height else None


def _png_size(head: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def _jpeg_size(head: bytes) -> tuple[int, int]:
    """Walk from segment to segment. If the data ends before the frame header, struct.error is raised."""
    place = len(_JPEG) if head.startswith(_JPEG) else len(head)
    while True:
        prefix, marker, length = struct.unpack_from(">BBH", head, place)
        if prefix != 0xFF or length < 2:
            return 0, 0
        if marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", head, place + 5)
            return width, height
        place += 2 + length
