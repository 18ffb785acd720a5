"""Draws a real PNG from a prompt. The same prompt gives the same picture.

The picture is a symmetric pattern of squares in four colours, two bits per pixel, in the requested size.
It compresses to a few kilobytes in any allowed size.
"""

from __future__ import annotations

import hashlib
import struct
import zlib

SIDE_MIN = 16
SIDE_MAX = 4096
SIGNATURE = b"\x89PNG\r\n\x1a\n"

_CELLS = 8
_BITS = 2
_PALETTE_TYPE = 3


def draw(prompt: str, width: int, height: int) -> bytes:
    """A PNG file of `width` x `height` pixels; the pattern and colours are derived from `prompt`."""
    assert SIDE_MIN <= width <= SIDE_MAX
    assert SIDE_MIN <= height <= SIDE_MAX
    digest = hashlib.sha512(prompt.encode()).digest()
    header = struct.pack(">IIBBBBB", width, height, _BITS, _PALETTE_TYPE, 0, 0, 0)
    pixels = zlib.compress(_rows(digest, width, height), 1)
    return b"".join(
        (
            SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", _palette(digest)),
            _chunk(b"IDAT", pixels),
            _chunk(b"IEND", b""),
        )
    )


def _palette(digest: bytes) -> bytes:
    return b"\xff\xff\xff" + digest[:9]


def _rows(digest: bytes, width: int, height: int) -> bytes:
    bands = [_row(digest[16 + 4 * band : 20 + 4 * band], width) for band in range(_CELLS)]
    return b"".join(bands[y * _CELLS // height] for y in range(height))


def _row(band: bytes, width: int) -> bytes:
    """One scan line: filter type 0, then four pixels to a byte; the right half mirrors the left."""
    colours = [value & 3 for value in band] + [value & 3 for value in reversed(band)]
    line = [colours[x * _CELLS // width] for x in range(width)]
    line += [0] * (-width % 4)
    packed = (a << 6 | b << 4 | c << 2 | d for a, b, c, d in zip(*[iter(line)] * 4, strict=True))
    return b"\x00" + bytes(packed)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
