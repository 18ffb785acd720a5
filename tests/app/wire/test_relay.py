from __future__ import annotations

import msgspec
import pytest

from app.wire.chat.passthrough import ChatPlainRelay, ChatStreamRelay
from app.wire.exchange import AnswerError
from app.wire.relay import BODY_BYTES_MAX, HELD_BYTES_MAX, decoded, text_bytes
from app.wire.sse import MAX_FRAME_BYTES
from tests.support.wire.streams import chunk, sse


def test_a_frame_of_full_length_can_be_held() -> None:
    assert MAX_FRAME_BYTES < HELD_BYTES_MAX < BODY_BYTES_MAX


def test_held_bytes_are_limited() -> None:
    one = ChatStreamRelay(model="public", include_usage=False, choices=1)
    one.feed(sse(chunk(finish="stop")))
    big = sse(chunk(padding="x" * (MAX_FRAME_BYTES - 1000)))
    assert one.feed(big) == b""
    with pytest.raises(AnswerError, match="continues after its end"):
        one.feed(big + big)


def test_the_size_of_a_plain_body_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.wire.relay.BODY_BYTES_MAX", 10)
    one = ChatPlainRelay(model="public")
    one.feed(b"x" * 10)
    with pytest.raises(AnswerError, match="too long"):
        one.feed(b"x")


@pytest.mark.parametrize("data", [b"", b"{", b"5", b'"\xff"', b'{"x":"\xff"}', b'{"a":' + b"[" * 100_000])
def test_unreadable_data_is_malformed(data: bytes) -> None:
    with pytest.raises(AnswerError) as caught:
        decoded(msgspec.json.Decoder(dict[str, msgspec.Raw]), data)
    assert caught.value.malformed


def test_text_is_counted_in_utf8() -> None:
    assert [text_bytes(value) for value in ("ab", "\u00e9", "\U0001f600", "", None, 5, ["ab"])] == [2, 2, 4, 0, 0, 0, 0]
