"""Pictures are valid PNG files and are determined by the prompt."""

from __future__ import annotations

import struct
import zlib

import pytest

from app.upstream.simulator import png


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, found = 8, []
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        (crc,) = struct.unpack_from(">I", data, at + 8 + size)
        assert zlib.crc32(kind + content) == crc
        found.append((kind, content))
        at += 12 + size
    assert at == len(data)
    return found


@pytest.mark.parametrize(("width", "height"), [(1024, 1024), (1536, 1024), (1024, 1536), (16, 16), (17, 4096)])
def test_a_picture_is_a_valid_png_of_the_requested_size(width: int, height: int) -> None:
    found = chunks(png.draw("a product icon", width, height))
    assert [kind for kind, _ in found] == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", found[0][1]) == (width, height, 2, 3, 0, 0, 0)
    assert len(found[1][1]) == 12
    pixels = zlib.decompress(found[2][1])
    line = 1 + (2 * width + 7) // 8
    assert len(pixels) == line * height
    assert not any(pixels[::line])


def test_the_same_prompt_gives_the_same_picture_and_another_a_different_one() -> None:
    assert png.draw("a cat", 64, 64) == png.draw("a cat", 64, 64)
    assert len({png.draw(f"prompt {number}", 64, 64) for number in range(50)}) == 50


def test_a_picture_is_small_at_the_largest_size() -> None:
    assert len(png.draw("large", png.SIDE_MAX, png.SIDE_MAX)) < 200_000
