"""Paused turns are continued as one answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.wire.answer import AnswerBegun, AnswerEnded, ChoiceFinished, CitationAdded, SearchBegun, SearchDone, TextDelta
from app.wire.anthropic.answer_reader import CONTINUATIONS_MAX
from app.wire.canonical import Message, Text, WebSearchTool
from app.wire.exchange import AnswerError
from domain.usage import Usage
from tests.support.wire.anthropic.anthropic_answers import (
    SEARCHING,
    STOP,
    answered,
    block,
    call,
    delta,
    feed,
    found,
    message,
    reader,
    reason,
    said,
    search,
    start,
    stop,
    text,
)
from tests.support.wire.anthropic.anthropic_requests import BUDGETED, HI, LATER, make_request, target

PAUSE_USAGE = {"input_tokens": 30, "output_tokens": 100, "server_tool_use": {"web_search_requests": 2}}


def paused(*events: Any, usage: Any = PAUSE_USAGE) -> list[Any]:
    return [start(), *events, reason("pause_turn", usage=usage), STOP]


def test_a_paused_turn_is_continued_as_one_answer() -> None:
    one = reader(SEARCHING, target(max_tool_calls=5))
    first = feed(one, paused(*text(0, "Let me see. "), *search(1, "s0", "news")))
    assert first == [AnswerBegun("msg_1", "claude-x"), TextDelta("Let me see. "), SearchBegun(0)]
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
        TextDelta("So."),
        CitationAdded("https://a", "A", 12, 15),
        ChoiceFinished("stop"),
        AnswerEnded(Usage(input=40, output=107, web_search_calls=2)),
    ]
    assert one.continuation() is None


def test_blocks_go_back_exactly_as_received() -> None:
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
        *call(5, "f", '{"a":1}'),
        *search(6, "s1", "q"),
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
        {"type": "tool_use", "id": "toolu_5", "name": "f", "input": {"a": 1}},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
    ]


def test_a_plain_answer_may_pause() -> None:
    one = reader(SEARCHING)
    blocks = [{"type": "text", "text": "a"}, {"type": "server_tool_use", "id": "s0", "name": "web_search", "input": {}}]
    assert one.whole(message(*blocks, stop_reason="pause_turn"))[-1] == SearchBegun(0)
    assert msgspec.json.decode(one.continuation() or b"")["messages"][-1]["content"] == blocks
    assert one.whole(message({"type": "text", "text": "b"}))[0] == TextDelta("b")


def test_a_second_pause_sends_all_blocks_in_one_turn() -> None:
    one = reader(SEARCHING, target(max_tool_calls=3))
    feed(one, paused(*text(0, "a")))
    assert one.continuation() is not None
    feed(one, paused(*text(0, "b")))
    body = msgspec.json.decode(one.continuation() or b"")
    assert [each["text"] for each in body["messages"][-1]["content"]] == ["a", "b"]
    assert body["max_tokens"] == 4096 - 200
    assert body["tools"][0]["max_uses"] == 1
    assert body["tool_choice"] == {"type": "none"}, "all searches that were held for are made"


@pytest.mark.parametrize(("held", "goes_on"), [(None, True), (60, True), (59, False)])
def test_a_turn_is_continued_while_the_hold_covers_its_input(held: int | None, goes_on: bool) -> None:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 15, "cache_creation_input_tokens": 5, "output_tokens": 1}
    one = reader(SEARCHING, msgspec.structs.replace(target(), max_input_tokens=held))
    events = feed(one, paused(*text(0, "a"), usage=usage))
    assert (one.continuation() is not None) is goes_on
    assert (ChoiceFinished("length") in events) is not goes_on


def test_a_pause_before_any_content() -> None:
    one = reader(SEARCHING)
    feed(one, paused())
    body = msgspec.json.decode(one.continuation() or b"")
    assert body["messages"][-1]["role"] == "user"
    assert "max_uses" not in body["tools"][0]


def test_a_paused_turn_after_the_assistants_own_words_is_one_turn() -> None:
    own = Message("assistant", (Text("Well,"),), at="input[1]")
    one = reader(make_request(HI, own, tools=(WebSearchTool(),)))
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


def test_the_number_of_pauses_is_limited() -> None:
    one = reader(SEARCHING, target(max_output_tokens=100_000))
    for turn in range(CONTINUATIONS_MAX):
        feed(one, paused(*search(0, f"s{turn}", "q")))
        assert one.continuation() is not None
    last = feed(one, paused())
    assert one.continuation() is None
    assert [event for event in last if isinstance(event, SearchDone)] != []
    assert last[-2:] == [ChoiceFinished("length"), AnswerEnded(Usage(input=270, output=900, web_search_calls=18))]


@pytest.mark.parametrize("spent", [4096, 5000])
def test_a_pause_with_no_output_left_is_the_end(spent: int) -> None:
    one = reader(SEARCHING)
    events = feed(one, paused(usage={"output_tokens": spent}))
    assert events[-2] == ChoiceFinished("length")
    assert one.continuation() is None


def test_a_budget_stays_below_the_remaining_output() -> None:
    thinking = make_request(tools=(WebSearchTool(),), effort="high")
    one = reader(thinking, target(BUDGETED))
    feed(one, paused(usage={"output_tokens": 3000}))
    body = msgspec.json.decode(one.continuation() or b"")
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (1096, 1095)
    assert feed(one, paused(usage={"output_tokens": 100}))[-2] == ChoiceFinished("length")


def test_effort_needs_no_budget() -> None:
    one = reader(make_request(tools=(WebSearchTool(),), effort="high"), target(LATER))
    feed(one, paused(usage={"output_tokens": 4095}))
    body = msgspec.json.decode(one.continuation() or b"")
    assert body["max_tokens"] == 1
    assert body["thinking"] == {"type": "adaptive"}
