from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.wire.answer import AnswerEvent, Began, Cited, Ended, Finished, Said, SearchBegun, SearchDone
from app.wire.anthropic.reader import CONTINUATIONS_MAX
from app.wire.canonical import Message, Text, WebSearchTool
from app.wire.exchange import AnswerError
from domain.usage import Usage
from tests.app.wire.anthropic.answering import (
    PING,
    SEARCHING,
    START_USAGE,
    STOP,
    answered,
    block,
    broken,
    call,
    delta,
    feed,
    found,
    read,
    reader,
    reason,
    said,
    search,
    start,
    stop,
    text,
)
from tests.app.wire.anthropic.asking import BUDGETED, HI, LATER, ask, target

USAGE = Usage(input=10, output=7)


# -- A stream -------------------------------------------------------------------------------------------------------------


def test_the_whole_of_a_stream() -> None:
    assert read(start(), PING, *text(0, "Hi"), PING, reason("end_turn"), STOP) == [
        Began("msg_1", "claude-x"),
        Said("Hi"),
        Finished("stop"),
        Ended(USAGE),
    ]


def test_the_beginning_names_what_it_can() -> None:
    usage = {**START_USAGE, "service_tier": "standard"}
    assert read(start(id=3, model=None, usage=usage), reason("end_turn"), STOP) == [
        Began(None, None, "default"),
        Finished("stop"),
        Ended(Usage(input=10, output=7, service_tier="default"), "default"),
    ]


def test_no_usage_is_none() -> None:
    assert read(start(usage=None), reason("end_turn", usage=None), STOP)[-1] == Ended()


@pytest.mark.parametrize(
    ("told", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("some_new_reason", "stop"),
    ],
)
def test_reasons(told: str, finish: str) -> None:
    events = read(start(), *text(0, "x"), reason(told), STOP)
    assert [event.reason for event in events if isinstance(event, Finished)] == [finish]


def test_calls_finish_as_calls() -> None:
    assert read(start(), *call(0, "f"), reason("tool_use"), STOP)[-2] == Finished("tool_calls")
    assert read(start(), *call(0, "f", "{"), reason("max_tokens"), STOP)[-2] == Finished("length")


def test_a_refusal_explains_itself_to_nobody() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "Because of the vendor."}
    assert read(start(), reason("refusal", stop_details=details), STOP)[1:] == [
        Finished("content_filter"),
        Ended(USAGE),
    ]


def test_frames_after_the_end_are_dropped() -> None:
    assert read(*answered(*text(0, "a")), *answered(*text(0, "b")), {"type": "error"})[-1] == Ended(USAGE)


def test_done_is_no_frame_of_this_protocol_and_passes() -> None:
    one = reader()
    assert one.frame("", b"[DONE]") == []


def test_the_frames_name_stands_in_for_a_missing_type() -> None:
    one = reader()
    begun = start()
    del begun["type"]
    assert one.frame("message_start", json.dumps(begun).encode()) == [Began("msg_1", "claude-x")]


def test_unknown_events_tell_nothing() -> None:
    assert read(start(), {"type": "new_event"}, {}, {"type": 7}, *answered()[1:]) == read(*answered())


# -- Streams that are not in order ----------------------------------------------------------------------------------------


def test_a_second_beginning_tells_usage_only() -> None:
    again = start(usage={"input_tokens": 99, "output_tokens": 1})
    assert read(start(), again, *text(0, "x"), reason("end_turn"), STOP) == [
        Began("msg_1", "claude-x"),
        Said("x"),
        Finished("stop"),
        Ended(Usage(input=99, output=7)),
    ]


def test_blocks_that_are_still_open_end_with_the_turn() -> None:
    opened = [event for event in call(0, "f", "{}") if event != stop(0)]
    assert read(start(), *opened, reason("tool_use"), STOP) == read(
        start(), *call(0, "f", "{}"), reason("tool_use"), STOP
    )


def test_a_stop_without_a_start_is_nothing() -> None:
    assert read(*answered(stop(4))) == read(*answered())


def test_a_stream_may_end_after_its_reason() -> None:
    assert read(*answered(*text(0, "x"))[:-1]) == read(*answered(*text(0, "x")))


def test_the_last_reason_counts_and_null_is_none() -> None:
    events = read(start(), reason("end_turn"), reason("max_tokens"), reason(None), STOP)
    assert events[1] == Finished("length")


@pytest.mark.parametrize(
    "events",
    [
        [],
        [STOP],
        [*text(0, "x")],
        [reason("end_turn"), STOP],
        [start()],
        [start(), STOP],
        [start(), *text(0, "x"), STOP],
        [start(), *text(0, "x")],
        [start(), {"type": "message_delta"}, STOP],
        [start(), {"type": "message_delta", "delta": []}, STOP],
        [{"type": "message_start"}],
        [{"type": "message_start", "message": []}],
        [start(usage=[])],
        [start(), delta(0, "text_delta", text="x")],
        [start(), *text(0, "x"), delta(0, "text_delta", text="x")],
        [start(), block(0, "text"), block(0, "text")],
        [start(), block(0, "text"), {"type": "content_block_delta", "index": 0}],
        [start(), {"type": "content_block_start", "index": 0}],
        [start(), {"type": "content_block_start", "content_block": {"type": "text"}}],
        [start(), {"type": "content_block_start", "index": True, "content_block": {"type": "text"}}],
        [start(), {"type": "content_block_stop", "index": "0"}],
        [start(), reason("end_turn", usage={"output_tokens": -1})],
        [start(), reason("end_turn", usage="x")],
        [start(), reason("pause_turn"), STOP],
    ],
)
def test_what_makes_no_sense_is_malformed(events: list[Any]) -> None:
    assert broken(*events).malformed


@pytest.mark.parametrize("data", [b"{", b"[]", b"null", b'"x"', b"\xff", b'{"type":"\xff"}', b"[" * 100_000, b""])
def test_data_that_is_no_object_is_malformed(data: bytes) -> None:
    with pytest.raises(AnswerError) as framed:
        reader().frame("message_start", data)
    with pytest.raises(AnswerError) as whole:
        reader().whole(data)
    assert framed.value.malformed
    assert whole.value.malformed


# -- Errors ---------------------------------------------------------------------------------------------------------------


def error(kind: str, message: str = "Words.") -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


@pytest.mark.parametrize(
    ("kind", "type", "code"),
    [
        ("overloaded_error", "server_error", "overloaded"),
        ("rate_limit_error", "rate_limit_error", "rate_limit_exceeded"),
        ("api_error", "server_error", "server_error"),
        ("invalid_request_error", "invalid_request_error", None),
    ],
)
def test_an_error_ends_the_answer_wherever_it_comes(kind: str, type: str, code: str | None) -> None:
    for before in ([], [start()], [start(), *text(0, "x")]):
        caught = broken(*before, error(kind))
        assert (caught.malformed, caught.message, caught.type, caught.code) == (False, "Words.", type, code)


def test_an_error_without_a_type_is_one() -> None:
    assert not broken({"error": {"message": "x"}}).malformed


def test_a_plain_error() -> None:
    for body in (error("overloaded_error"), {"error": "x"}):
        with pytest.raises(AnswerError) as caught:
            reader().whole(json.dumps(body).encode())
        assert not caught.value.malformed


# -- A plain answer -------------------------------------------------------------------------------------------------------


def message(*blocks: Any, **members: Any) -> bytes:
    usage = {"input_tokens": 10, "output_tokens": 7}
    whole = {
        "id": "msg_1",
        "type": "message",
        "model": "claude-x",
        "content": blocks,
        "stop_reason": "end_turn",
        "usage": usage,
    }
    return json.dumps({**whole, **members}).encode()


def test_a_plain_answer_is_the_same_events() -> None:
    assert reader().whole(message({"type": "text", "text": "Hi"})) == read(*answered(*text(0, "Hi")))


def test_a_plain_answer_with_all_kinds_of_blocks() -> None:
    blocks = [
        {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "server_tool_use", "id": "s0", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "s0", "content": [{"url": "https://a"}]},
        {"type": "text", "text": "So", "citations": [{"url": "https://a", "title": "A"}]},
        {"type": "tool_use", "id": "toolu_5", "name": "f", "input": {}},
    ]
    events = reader(SEARCHING).whole(message(*blocks, stop_reason="tool_use"))
    streamed = [
        [{"type": "content_block_start", "index": n, "content_block": one}, stop(n)] for n, one in enumerate(blocks)
    ]
    assert events == read(
        start(), *(event for pair in streamed for event in pair), reason("tool_use"), STOP, asked=SEARCHING
    )
    assert Cited("https://a", "A", 0, 2) in events
    assert events[-2:] == [Finished("tool_calls"), Ended(Usage(input=10, output=7, web_search_calls=1))]


def test_an_empty_plain_answer() -> None:
    assert reader().whole(message(content=None)) == read(*answered())


@pytest.mark.parametrize(
    "members", [{"content": "x"}, {"content": [3]}, {"content": {}}, {"stop_reason": None}, {"usage": 3}]
)
def test_a_plain_answer_that_makes_no_sense_is_malformed(members: dict[str, Any]) -> None:
    with pytest.raises(AnswerError) as caught:
        reader().whole(message(**members))
    assert caught.value.malformed


# -- Turns that pause -----------------------------------------------------------------------------------------------------

PAUSE_USAGE = {"input_tokens": 30, "output_tokens": 100, "server_tool_use": {"web_search_requests": 2}}


def paused(*events: Any, usage: Any = PAUSE_USAGE) -> list[Any]:
    return [start(), *events, reason("pause_turn", usage=usage), STOP]


def test_a_paused_turn_is_gone_on_with_as_one_answer() -> None:
    one = reader(SEARCHING, target(max_tool_calls=5))
    first = feed(one, paused(*text(0, "Let me see. "), *search(1, "s0", "news")))
    assert first == [Began("msg_1", "claude-x"), Said("Let me see. "), SearchBegun(0)]
    body = msgspec.json.decode(one.continuation() or b"")
    assert one.continuation() is None
    assert body["max_tokens"] == 4096 - 100
    assert body["tools"] == [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me see. "},
                {"type": "server_tool_use", "id": "s0", "name": "web_search", "input": {"query": "news"}},
            ],
        },
    ]
    cited = block(1, "text", text="So.", citations=[{"url": "https://a", "title": "A"}])
    second = feed(one, answered(*found(0, "s0", "https://a"), cited, stop(1)))
    assert second == [
        SearchDone(
            0,
            {"type": "search", "query": "news", "queries": ["news"], "sources": [{"type": "url", "url": "https://a"}]},
        ),
        Said("So."),
        Cited("https://a", "A", 12, 15),
        Finished("stop"),
        Ended(Usage(input=40, output=107, web_search_calls=2)),
    ]
    assert one.continuation() is None


def test_blocks_go_back_exactly_as_they_came() -> None:
    location = {"type": "web_search_result_location", "url": "https://a", "title": "A", "encrypted_index": "E"}
    events = [
        block(0, "thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="Hm"),
        delta(0, "signature_delta", signature="sig"),
        stop(0),
        block(1, "redacted_thinking", data="xyz"),
        stop(1),
        *found(2, "s9", "https://a"),
        block(3, "text", text="", citations=[]),
        delta(3, "citations_delta", citation=location),
        delta(3, "text_delta", text="So"),
        stop(3),
        block(4, "new_block", some=[1]),
        stop(4),
        *search(5, "s1", "q"),
    ]
    one = reader(SEARCHING)
    feed(one, paused(*events))
    sent = msgspec.json.decode(one.continuation() or b"")["messages"][-1]["content"]
    assert sent == [
        {"type": "thinking", "thinking": "Hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        events[6]["content_block"],
        {"type": "text", "text": "So", "citations": [location]},
        {"type": "new_block", "some": [1]},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
    ]


def test_a_plain_answer_may_pause() -> None:
    one = reader(SEARCHING)
    blocks = [{"type": "text", "text": "a"}, {"type": "server_tool_use", "id": "s0", "name": "web_search", "input": {}}]
    assert one.whole(message(*blocks, stop_reason="pause_turn"))[-1] == SearchBegun(0)
    assert msgspec.json.decode(one.continuation() or b"")["messages"][-1]["content"] == blocks
    assert one.whole(message({"type": "text", "text": "b"}))[0] == Said("b")


def test_a_second_pause_sends_all_blocks_in_one_turn() -> None:
    one = reader(SEARCHING, target(max_tool_calls=3))
    feed(one, paused(*text(0, "a")))
    assert one.continuation() is not None
    feed(one, paused(*text(0, "b")))
    body = msgspec.json.decode(one.continuation() or b"")
    assert [each["text"] for each in body["messages"][-1]["content"]] == ["a", "b"]
    assert body["max_tokens"] == 4096 - 200
    assert body["tools"][0]["max_uses"] == 1


def test_a_pause_before_anything_was_said() -> None:
    one = reader(SEARCHING)
    feed(one, paused())
    body = msgspec.json.decode(one.continuation() or b"")
    assert body["messages"][-1]["role"] == "user"
    assert "max_uses" not in body["tools"][0]


def test_a_paused_turn_after_the_assistants_own_words_is_one_turn() -> None:
    own = Message("assistant", (Text("Well,"),), at="input[1]")
    one = reader(ask(HI, own, tools=(WebSearchTool(),)))
    feed(one, paused(*text(0, " so")))
    last = msgspec.json.decode(one.continuation() or b"")["messages"][-1]
    assert [each["text"] for each in last["content"]] == ["Well,", " so"]


def test_frames_after_a_pause_are_dropped() -> None:
    one = reader(SEARCHING)
    assert said(feed(one, [*paused(*text(0, "a")), *text(0, "b")])) == "a"


def test_the_next_turn_begins_with_its_own_start() -> None:
    one = reader(SEARCHING)
    feed(one, paused())
    one.continuation()
    with pytest.raises(AnswerError):
        feed(one, text(0, "x"))


def test_pauses_come_to_an_end() -> None:
    one = reader(SEARCHING, target(max_output_tokens=100_000))
    for turn in range(CONTINUATIONS_MAX):
        feed(one, paused(*search(0, f"s{turn}", "q")))
        assert one.continuation() is not None
    last = feed(one, paused())
    assert one.continuation() is None
    assert [event for event in last if isinstance(event, SearchDone)] != []
    assert last[-2:] == [Finished("length"), Ended(Usage(input=270, output=900, web_search_calls=18))]


@pytest.mark.parametrize("spent", [4096, 5000])
def test_a_pause_with_no_output_left_is_the_end(spent: int) -> None:
    one = reader(SEARCHING)
    events = feed(one, paused(usage={"output_tokens": spent}))
    assert events[-2] == Finished("length")
    assert one.continuation() is None


def test_a_budget_stays_below_what_is_left() -> None:
    thinking = ask(tools=(WebSearchTool(),), effort="high")
    one = reader(thinking, target(BUDGETED))
    feed(one, paused(usage={"output_tokens": 3000}))
    body = msgspec.json.decode(one.continuation() or b"")
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (1096, 1095)
    assert feed(one, paused(usage={"output_tokens": 100}))[-2] == Finished("length")


def test_effort_needs_no_budget() -> None:
    one = reader(ask(tools=(WebSearchTool(),), effort="high"), target(LATER))
    feed(one, paused(usage={"output_tokens": 4095}))
    body = msgspec.json.decode(one.continuation() or b"")
    assert body["max_tokens"] == 1
    assert body["thinking"] == {"type": "adaptive"}


# -- Anything at all ------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        *("text", "thinking", "tool_use", "server_tool_use", "web_search", "web_search_tool_result", "t", "{}"),
        *("text_delta", "input_json_delta", "citations_delta", "signature_delta", "thinking_delta"),
        *("end_turn", "pause_turn"),
    ]
)
MEMBERS = st.sampled_from(
    [
        *("type", "text", "id", "name", "input", "index", "delta", "content_block", "content", "citation", "citations"),
        *("partial_json", "thinking", "signature", "data", "tool_use_id", "usage", "stop_reason", "message", "url"),
    ]
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(MEMBERS, inner, max_size=5),
    max_leaves=8,
)
KINDS = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
]
FRAMES = st.lists(
    st.builds(
        lambda kind, index, members: {**members, "type": kind, "index": index},
        st.sampled_from(KINDS),
        st.integers(0, 1) | ANY,
        st.dictionaries(st.sampled_from(["delta", "content_block", "message", "usage"]), ANY, max_size=3),
    ),
    max_size=8,
)


@given(FRAMES, st.booleans())
@settings(max_examples=200, deadline=None)
def test_hostile_streams_are_read_or_at_fault(frames: list[dict[str, Any]], begun: bool) -> None:
    one = reader(SEARCHING)
    events: list[AnswerEvent] = []
    try:
        events = feed(one, [start(), *frames] if begun else frames)
    except AnswerError:
        return
    assert isinstance(events[-1], Ended) or one.continuation() is not None


@given(ANY, st.lists(ANY, max_size=3))
@settings(max_examples=150, deadline=None)
def test_hostile_bodies_are_read_or_at_fault(body: Any, blocks: list[Any]) -> None:
    for whole in (body, {"content": blocks, "stop_reason": "end_turn", "usage": body}):
        one = reader(SEARCHING)
        try:
            events = one.whole(json.dumps(whole).encode())
        except AnswerError:
            continue
        assert isinstance(events[-1], Ended) or one.continuation() is not None
