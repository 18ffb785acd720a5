"""Chat answers that go on after a finish reason, passed through."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.chat.held import finish_once
from app.wire.chat.passthrough import ChatStreamRelay
from domain.usage import Usage
from tests.support.wire.streams import CHAT_USAGE, by_byte, chunk, payloads, run, sse, usage_chunk

USAGE = Usage(input=15, cached_input=5, output=7, reasoning=3)


def relay(*, include_usage: bool = False) -> ChatStreamRelay:
    return ChatStreamRelay(model="public", include_usage=include_usage, choices=1)


@pytest.mark.parametrize("end", [["[DONE]"], []])
def test_content_after_the_finish_is_held_and_belongs_to_the_answer(end: list[Any]) -> None:
    """The finish moves to the last chunk of the choice."""
    late = b": comment\n\n" + sse(chunk("b", finish="stop"), chunk("c"), usage_chunk(CHAT_USAGE), *end)
    for pieces in ([late], by_byte(late)):
        outcome = run(relay(include_usage=True), [sse(chunk("a"), chunk(finish="stop")), *pieces])
        assert [event["choices"][0]["delta"]["content"] for event in payloads(outcome.forwarded)] == ["a"]
        choices = [event["choices"] for event in payloads(outcome.tail)[:-1]]
        finishes = [None, None, None, "stop"] if end else [None, None, "stop"]
        assert [choice[0]["finish_reason"] for choice in choices if choice] == finishes
        assert (outcome.finish, outcome.output_bytes, outcome.usage, outcome.finished) == ("stop", 3, USAGE, True)


def test_the_last_finish_counts() -> None:
    stream = sse(chunk("a", finish="stop"), chunk("b", finish="length"), chunk(finish="stop"), "[DONE]")
    outcome = run(relay(), [stream])
    assert [event["choices"][0]["finish_reason"] for event in payloads(outcome.tail)[:-1]] == [None, None, "length"]
    assert outcome.finish == "length"


def test_another_choice_keeps_its_finish() -> None:
    two = ChatStreamRelay(model="public", include_usage=False, choices=2)
    frames = (chunk("x", index=1, finish="length"), chunk("a", finish="stop"), chunk("b", finish="stop"), "[DONE]")
    choices = [event["choices"][0] for event in payloads(run(two, [sse(*frames)]).tail)[:-1]]
    assert [choice["finish_reason"] for choice in choices if choice["index"] == 0] == [None, "stop"]
    assert finish_once([sse(chunk("x", index=1, finish="length"))], {0: "stop"}) == [
        sse(chunk("x", index=1, finish="length"))
    ]


def test_only_the_new_part_of_a_name_is_forwarded() -> None:
    names = ("get_", "get_weather", "get_weather")
    calls = [
        [{"index": 0, "id": "c", "type": "function", "function": {"name": name, "arguments": ""}}] for name in names
    ]
    frames = [{"choices": [{"index": 0, "delta": {"tool_calls": entry}}]} for entry in calls]
    outcome = run(relay(), [sse(*frames, chunk(finish="stop"), "[DONE]")])
    entries = [event["choices"][0]["delta"]["tool_calls"][0] for event in payloads(outcome.forwarded)]
    assert [entry["function"].get("name") for entry in entries] == ["get_", "weather", None]
