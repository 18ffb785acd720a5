"""A translation with a trivial reader and writer, so that only the relay's own rules are tested."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.wire import answer
from app.wire.answer import AnswerEvent
from app.wire.exchange import AnswerError
from app.wire.relay import BODY_BYTES_MAX, HELD_BYTES_MAX
from app.wire.translate import HELD_EVENT_BYTES, PlainTranslation, StreamTranslation
from domain.usage import CallCount, ImageCount, Usage
from tests.support.wire.streams import by_byte, run, sse

USAGE = Usage(input=3, output=2)
EVENTS: dict[str, Any] = {
    "began": lambda value: answer.AnswerBegun(upstream_id="up_1"),
    "said": answer.TextDelta,
    "refused": answer.RefusalDelta,
    "thought": lambda value: answer.ReasoningDelta(0, value),
    "call": lambda value: answer.CallDelta(1, value),
    "calling": lambda value: answer.CallBegun(1, "call_1", "f", value),
    "searched": lambda value: answer.SearchDone(2, {"type": "search"}, failed=value),
    "opened": lambda value: answer.SearchDone(3, {"type": "open_page", "url": value}),
    "partial": lambda value: answer.ImagePartial(value, "AAAA", 0, {"quality": "low", "size": "1024x1024"}),
    "image": lambda value: answer.ImageDone(value, "AAAA", {"quality": "high", "size": "1024x1024"}),
    "finished": lambda value: answer.ChoiceFinished(value[1], value[0]),
    "ended": lambda value: answer.AnswerEnded(USAGE if value else None),
    "counted": lambda value: answer.AnswerEnded(Usage(input=3, output=2, calls=(CallCount("custom", value),))),
}


class Reader:
    """Each frame is one event: {"said": "text"}. `late` comes at the end; `bodies` go on with what paused."""

    def __init__(self, *late: dict[str, Any], bodies: tuple[bytes, ...] = ()) -> None:
        self._late = list(late)
        self._bodies = list(bodies)
        self.names: list[str] = []

    def frame(self, name: str, data: bytes) -> list[AnswerEvent]:
        self.names.append(name)
        result = json.loads(data)
        if "error" in result:
            raise AnswerError(result["error"], malformed=False)
        return [EVENTS[kind](value) for kind, value in result.items()]

    def end(self) -> list[AnswerEvent]:
        late, self._late = self._late, []
        if any("error" in entry for entry in late):
            raise AnswerError("broken", malformed=True)
        return [EVENTS[kind](value) for entry in late for kind, value in entry.items()]

    def whole(self, body: bytes) -> list[AnswerEvent]:
        return [EVENTS[kind](value) for entry in json.loads(body) for kind, value in entry.items()]

    def continuation(self) -> bytes | None:
        return self._bodies.pop(0) if self._bodies else None


class Writer:
    response_id = "client_1"

    def write(self, event: AnswerEvent) -> bytes:
        return b"" if isinstance(event, answer.SearchDone) else f"<{type(event).__name__}>".encode()

    def failure(self, *, message: str, type: str, code: str | None) -> bytes:
        return f"<failed {message} {type} {code}>".encode()


def stream(*late: dict[str, Any], choices: int = 1, bodies: tuple[bytes, ...] = ()) -> StreamTranslation:
    return StreamTranslation(Reader(*late, bodies=bodies), Writer(), choices=choices)


CALLING = sse({"calling": "custom"}, {"calling": "function"}, {"calling": "custom"}, {"finished": [0, "tool_calls"]})


@pytest.mark.parametrize(
    ("ended", "calls"),
    [({"ended": 1}, (CallCount("custom", 2),)), ({"counted": 1}, (CallCount("custom", 1),))],
)
def test_custom_tool_calls_are_counted_if_the_vendor_omits_them(
    ended: dict[str, Any], calls: tuple[CallCount, ...]
) -> None:
    one = stream()
    run(one, [CALLING + sse(ended)])
    assert one.usage == msgspec.structs.replace(USAGE, calls=calls)
    assert one.items == Usage(calls=(CallCount("custom", 2),))


def test_calls_without_usage_count_in_the_estimate() -> None:
    one = stream()
    run(one, [CALLING + sse({"ended": 0})])
    assert (one.usage, one.items) == (None, Usage(calls=(CallCount("custom", 2),)))


WHOLE = sse({"began": 1}, {"said": "Hé"}, {"thought": "abc"}, {"call": "{}"}, {"refused": "no"})
END = sse({"finished": [0, "stop"]}, {"ended": 1})


def test_a_whole_answer_in_any_pieces() -> None:
    for pieces in ([WHOLE + END], by_byte(WHOLE + END)):
        outcome = run(stream(), pieces)
        assert outcome.forwarded == b"<AnswerBegun><TextDelta><ReasoningDelta><CallDelta><RefusalDelta>"
        assert outcome.tail == b"<ChoiceFinished><AnswerEnded>data: [DONE]\n\n"
        assert (outcome.usage, outcome.finish, outcome.response_id) == (USAGE, "stop", "client_1")
        assert (outcome.output_bytes, outcome.finished) == (3 + 3 + 2 + 2, True)


def test_everything_is_held_from_the_last_finish_on() -> None:
    relay = stream(choices=2)
    assert (
        relay.feed(sse({"said": "a"}, {"finished": [1, "length"]}, {"said": "b"}))
        == b"<TextDelta><ChoiceFinished><TextDelta>"
    )
    assert not relay.closing
    assert relay.feed(sse({"finished": [1, "length"]})) == b"<ChoiceFinished>"
    assert not relay.closing, "one choice finishes once"
    assert relay.feed(sse({"finished": [0, "stop"]}, {"said": "late"})) == b""
    assert (relay.closing, relay.finished) == (True, False)
    assert relay.feed(sse({"ended": 1}, {"said": "later"})) == b""
    assert relay.finished
    assert relay.tail() == b"<ChoiceFinished><TextDelta><AnswerEnded>data: [DONE]\n\n"
    assert relay.finish == "stop,length"


def test_an_answer_of_fewer_choices_closes_at_its_end() -> None:
    relay = stream(choices=2)
    assert relay.feed(sse({"said": "a"}, {"finished": [0, "stop"]})) == b"<TextDelta>", "it may be all that comes"
    assert (relay.closing, relay.finished) == (False, False)
    relay.feed(sse({"ended": 1}))
    assert relay.closing
    assert relay.tail() == b"<ChoiceFinished><AnswerEnded>data: [DONE]\n\n"


def test_a_held_finish_is_forwarded_when_another_choice_begins() -> None:
    relay = stream(choices=2)
    assert relay.feed(sse({"finished": [1, "stop"]})) == b""
    assert relay.feed(sse({"said": "a"})) == b"<ChoiceFinished><TextDelta>"


def test_comments_and_frames_without_data_end_here() -> None:
    relay = stream()
    assert relay.feed(b": ping\n\nevent: ping\n\n" + sse({"said": "a"})) == b"<TextDelta>"


def test_events_at_the_end_are_in_the_tail() -> None:
    relay = stream({"said": "a", "finished": [0, "stop"]}, {"ended": 0})
    assert relay.feed(sse({"began": 1})) == b"<AnswerBegun>"
    relay.end()
    assert relay.continuation() is None
    assert relay.tail() == b"<TextDelta><ChoiceFinished><AnswerEnded>data: [DONE]\n\n"
    assert relay.usage is None


def test_a_closing_answer_that_is_cut_off_gets_its_last_event() -> None:
    relay = stream({"ended": 1})
    relay.feed(WHOLE + sse({"finished": [0, "stop"]}))
    relay.cut()
    assert relay.tail() == b"<ChoiceFinished><AnswerEnded>data: [DONE]\n\n"
    assert (relay.usage, relay.finished) == (USAGE, False)


def test_an_answer_that_breaks_after_its_finish_has_no_usage() -> None:
    relay = stream({"error": 1})
    relay.feed(WHOLE + sse({"finished": [0, "stop"]}))
    with pytest.raises(AnswerError):
        relay.feed(sse({"error": "late"}))
    relay.cut()
    assert relay.tail() == b"<ChoiceFinished><AnswerEnded>data: [DONE]\n\n"
    assert relay.usage is None


def test_the_last_frame_need_not_be_terminated() -> None:
    relay = stream()
    relay.feed((WHOLE + END)[:-2])
    relay.end()
    assert relay.finished
    unterminated = stream()
    unterminated.feed(WHOLE + END + b": and then")
    unterminated.end()
    assert unterminated.finished


def test_an_error_without_frames_is_the_answer() -> None:
    relay = stream()
    relay.feed(b'{"error": {"message": "no", "type": "t"}}')
    with pytest.raises(AnswerError) as caught:
        relay.end()
    assert (caught.value.message, caught.value.malformed) == ("no", False)


def test_an_invalid_end_is_malformed() -> None:
    relay = stream()
    relay.feed(b"half a sentence")
    relay.end()
    with pytest.raises(AnswerError) as caught:
        relay.continuation()
    assert caught.value.malformed


def test_a_pause_is_continued_as_one_answer() -> None:
    relay = stream({"thought": "late"}, bodies=(b"again",))
    assert relay.feed(sse({"began": 1}, {"said": "a"})) == b"<AnswerBegun><TextDelta>"
    relay.end()
    assert not relay.finished
    assert relay.continuation() == b"again"
    assert relay.feed(sse({"said": "b"})) == b"<ReasoningDelta><TextDelta>"
    relay.feed(END)
    relay.end()
    assert relay.continuation() is None
    assert relay.delivered.output_bytes == 6


def test_a_failure_follows_written_bytes_and_drops_held_ones() -> None:
    relay = stream()
    with pytest.raises(AnswerError):
        relay.feed(sse({"said": "a"}, {"error": "broken"}))
    assert relay.failure(message="m", type="t", code="c") == b"<TextDelta><failed m t c>"
    held = stream()
    held.feed(sse({"said": "a"}))
    held.feed(END)
    assert held.failure(message="m", type="t", code=None) == b"<failed m t None>"


def test_searches_and_images_are_counted_as_they_arrive() -> None:
    relay = stream()
    assert relay.feed(sse({"searched": False}, {"searched": True}, {"opened": "https://x.example"})) == b""
    relay.feed(sse({"partial": 5}, {"partial": 6}, {"image": 5}))
    counts = (ImageCount("high", "1024x1024", 1), ImageCount("low", "1024x1024", 1))
    assert relay.items == Usage(web_search_calls=1, images=counts)


def test_the_size_of_an_answer_is_limited() -> None:
    relay = stream()
    text = "x" * (1 << 20)
    for _ in range(BODY_BYTES_MAX // len(text)):
        relay.feed(sse({"said": text}))
    with pytest.raises(AnswerError, match="too long"):
        relay.feed(sse({"said": "x"}))


def test_bytes_after_the_finish_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.wire.translate.HELD_BYTES_MAX", 4 * HELD_EVENT_BYTES + 4)
    relay = stream()
    relay.feed(sse({"finished": [0, "stop"]}, {"said": "a"}, {"said": "b"}, {"said": "c"}))
    with pytest.raises(AnswerError, match="continues"):
        relay.feed(sse(*({"said": "d"},) * 5))
    assert HELD_BYTES_MAX > 4 * HELD_EVENT_BYTES + 4


def test_a_plain_answer() -> None:
    relay = PlainTranslation(Reader(), Writer(), choices=1)
    body = json.dumps([{"began": 1}, {"said": "abc"}, {"finished": [0, "length"]}, {"ended": 1}]).encode()
    outcome = run(relay, by_byte(body))
    assert (outcome.forwarded, outcome.tail) == (b"", b"<AnswerBegun><TextDelta><ChoiceFinished><AnswerEnded>")
    assert (outcome.usage, outcome.finish, outcome.output_bytes) == (USAGE, "length", 3)
    assert relay.continuation() is None
    failed = json.loads(relay.failure(message="m", type="t", code="c"))
    assert failed == {"error": {"message": "m", "type": "t", "param": None, "code": "c"}}


def test_a_plain_answer_that_pauses() -> None:
    relay = PlainTranslation(Reader(bodies=(b"again",)), Writer(), choices=1)
    relay.feed(b'[{"said": "a"}]')
    relay.end()
    assert not relay.closing
    assert relay.continuation() == b"again"
    relay.feed(b'[{"finished": [0, "stop"], "ended": 1}]')
    relay.end()
    assert relay.tail() == b"<TextDelta><ChoiceFinished><AnswerEnded>"
    broken = PlainTranslation(Reader(), Writer(), choices=1)
    broken.feed(b"[]")
    broken.end()
    with pytest.raises(AnswerError, match="ended before it was complete"):
        broken.continuation()


def test_the_size_of_a_plain_answer_is_limited() -> None:
    relay = PlainTranslation(Reader(), Writer(), choices=1)
    for _ in range(BODY_BYTES_MAX >> 20):
        relay.feed(b" " * (1 << 20))
    with pytest.raises(AnswerError, match="too long"):
        relay.feed(b" ")
