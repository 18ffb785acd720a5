"""Which chunks are read without decoding all of them."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.chat.glance import glance
from tests.support.wire.chat.chat_answers import delta
from tests.support.wire.streams import chunk, sse


def seen(raw: dict[str, Any]) -> bool:
    return glance(sse(raw)[6:-2]) is not None


@pytest.mark.parametrize("raw", [chunk("a"), chunk("\u00e9", usage=None, obfuscation="x"), delta(reasoning="a")])
def test_a_chunk_of_text_is_common(raw: dict[str, Any]) -> None:
    assert seen(raw)


@pytest.mark.parametrize(
    "raw",
    [
        chunk("a", finish="stop"),
        chunk("a", finish=""),
        chunk("a", usage={}),
        chunk("a", error="busy"),
        chunk("a", object="error"),
        chunk("a", system_fingerprint=None),
        chunk("a", choices=[]),
        chunk("a", choices=5),
        delta(content="a", tool_calls=[]),
    ],
)
def test_any_other_chunk_is_read_in_full(raw: dict[str, Any]) -> None:
    assert not seen(raw)


def test_invalid_bytes_are_read_in_full() -> None:
    assert glance(b'{"x":"\xff"}') is None
