"""JSON that only lenient parsers accept."""

from __future__ import annotations

import json

import pytest

from app.wire.chat.answer_writer import ChatAnswerWriter
from app.wire.chat.judge import ChatJudge
from app.wire.chat.passthrough import ChatPlainRelay, ChatStreamRelay
from app.wire.readable import Unreadable, readable
from app.wire.translate import PlainTranslation, StreamTranslation
from tests.support.wire.streams import payloads, run

CHUNK = (
    b'data: {"choices":[{"index":0,"delta":{"content":"a\\ud83d"},"logprobs":null,"x":NaN,"finish_reason":"stop"}]}%s'
)
BODY = b'{"choices":[{"message":{"content":"a\\ud83d"},"x":NaN}]}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\uDE00\ud83d\ude00\\ud83d\n\"\ud83d"', '\ufffd\U0001f600\\ud83d\n"\ufffd'),
        (b"[NaN, -Infinity, Infinity, 1]", [None, None, None, 1]),
        (b'{"NaN": "NaN \t Infinity", "a": NaN}', {"NaN": "NaN \t Infinity", "a": None}),
    ],
)
def test_what_only_lenient_parsers_accept_is_replaced(text: bytes, expected: object) -> None:
    assert json.loads(readable(text, Unreadable())) == expected


@pytest.mark.parametrize("text", [b"{", b'"a', b'"\\', b"NaNs", b"[1,]"])
def test_other_text_is_unreadable(text: bytes) -> None:
    with pytest.raises(Unreadable):
        readable(text, Unreadable())


@pytest.mark.parametrize("line_end", [b"\n\n", b"\r\n\r\n", b"\r\r", b""])
@pytest.mark.parametrize("done", [b"data: [DONE]\n\n", b""])
def test_a_stream_that_has_to_be_made_readable(line_end: bytes, done: bytes) -> None:
    writer = ChatAnswerWriter(seed="1", model="m", created=1, fields={}, stream=True)
    relays = (
        ChatStreamRelay(model="m", include_usage=False, choices=1),
        StreamTranslation(ChatJudge(choices=1, searches=False), writer, choices=1),
    )
    for relay in relays:
        outcome = run(relay, [CHUNK % line_end + (done if line_end else b"")])
        events = payloads((outcome.forwarded + outcome.tail).replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
        text = "".join(event["choices"][0]["delta"].get("content") or "" for event in events if event != "[DONE]")
        assert (text, outcome.finish, outcome.output_bytes) == ("a\ufffd", "stop", 4)


def test_a_body_that_has_to_be_made_readable() -> None:
    writer = ChatAnswerWriter(seed="1", model="m", created=1, fields={}, stream=False)
    judge = ChatJudge(choices=1, searches=False)
    for relay in (ChatPlainRelay(model="m"), PlainTranslation(judge, writer, choices=1)):
        body = json.loads(run(relay, [BODY]).tail)
        assert body["choices"][0]["message"]["content"] == "a\ufffd"
