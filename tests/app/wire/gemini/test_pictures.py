"""Properties read from an image's own header."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.gemini.pictures import image_details


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x06\x00\x00\x00"


def jpeg(width: int, height: int, marker: int = 0xC2) -> bytes:
    app = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + b"\0" * 9
    table = b"\xff\xc4" + struct.pack(">H", 4) + b"\0\0"
    return b"\xff\xd8" + app + table + bytes([0xFF, marker]) + struct.pack(">HBHH", 17, 8, height, width) + b"\0" * 10


def size(data: bytes) -> object:
    return image_details("image/png", base64.b64encode(data).decode()).get("size")


def test_the_format_is_derived_from_the_media_type() -> None:
    assert image_details("image/webp", "AAAA") == {"output_format": "webp"}


@pytest.mark.parametrize(
    "data", [png(1264, 848), jpeg(1264, 848), jpeg(1264, 848, 0xC0), jpeg(1264, 848) + b"x" * 99_999]
)
def test_the_size_is_read_from_the_header(data: bytes) -> None:
    assert size(data) == "1264x848"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        png(0, 5),
        png(5, 5)[:20],
        jpeg(5, 5)[:30],
        b"\xff\xd8" + b"\xff\xe0\x00\x00" * 9,
        b"\xff\xd8" + b"AAAA" * 9,
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 20_000,
        b"RIFF1234WEBP",
    ],
)
def test_an_invalid_header_is_ignored(data: bytes) -> None:
    assert size(data) is None


def test_invalid_base64_is_ignored() -> None:
    assert "size" not in image_details("image/png", "not base64!")
    assert "size" not in image_details("image/png", "\u00fc" * 8)


@given(st.binary(max_size=80), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8"]))
def test_any_bytes_are_read(data: bytes, head: bytes) -> None:
    size(head + data)
