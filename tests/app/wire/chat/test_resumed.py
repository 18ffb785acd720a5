"""Chat answers that go on after a finish reason, translated."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.answer import CallDone, ChoiceFinished, ReasoningDone, TextDelta
from app.wire.chat.answer_writer import ChatAnswerWriter
from app.wire.chat.judge import ChatJudge
from app.wire.translate import StreamTranslation
from tests.support.wire.chat.chat_answers import call, delta
from tests.support.wire.streams import CHAT_USAGE, chunk, payloads, run, sse, usage_chunk

STOP = "stop"
END = (usage_chunk(CHAT_USAGE), "[DONE]")


def translated(*frames: Any, choices: int = 1, searches: bool = False) -> list[Any]:
    """The choices of the chunks that a chat client gets, in order."""
    judge = ChatJudge(choices=choices, searches=searches)
    writer = ChatAnswerWriter(seed="1", model="m", created=1, fields={}, stream=True)
    outcome = run(StreamTranslation(judge, writer, choices=choices), [sse(*frames)])
    written = payloads(outcome.forwarded + outcome.tail)[:-1]
    return [choice for event in written for choice in event["choices"]]


def texts(choices: list[Any], index: int, member: str = "content") -> str:
    return "".join(choice["delta"].get(member) or "" for choice in choices if choice["index"] == index)


def finishes(choices: list[Any]) -> list[Any]:
    return [(choice["index"], choice["finish_reason"]) for choice in choices if choice["finish_reason"]]


def test_a_choice_finishes_once() -> None:
    frames = [chunk(letter, finish=STOP) for letter in "abc"]
    choices = translated(*frames, *END)
    assert (texts(choices, 0), finishes(choices)) == ("abc", [(0, "stop")])


def test_two_choices_with_a_finish_in_every_chunk() -> None:
    """The first finish of all has been forwarded by the time that the second choice begins."""
    frames = [chunk(letter, index=index, finish=STOP) for letter in "abc" for index in (0, 1)]
    choices = translated(*frames, *END, choices=2)
    assert [texts(choices, index) for index in (0, 1)] == ["abc", "abc"]
    assert finishes(choices)[-2:] == [(0, "stop"), (1, "stop")]


def test_a_choice_goes_on_while_another_is_open() -> None:
    """Its first finish has been forwarded by then."""
    thinking = delta(STOP, reasoning_content="r"), delta(STOP, reasoning_content="s")
    choices = translated(thinking[0], chunk("x", index=1), thinking[1], chunk(index=1, finish=STOP), *END, choices=2)
    assert (texts(choices, 0, "reasoning_content"), texts(choices, 1)) == ("rs", "x")


def test_calls_and_reasoning_end_once() -> None:
    judge = ChatJudge(choices=1, searches=True)
    source = {"type": "url_citation", "url_citation": {"url": "https://a.example"}}
    frames = (
        delta(STOP, reasoning_content="r"),
        delta(STOP, content="a", annotations=[source]),
        delta(STOP, tool_calls=[call(0, "c", "f", "{")]),
        delta(STOP, tool_calls=[call(0, arguments="}")]),
        delta("length", content="b"),
    )
    events = [event for frame in frames for event in judge.frame("", sse(frame)[6:-2])]
    assert sum(isinstance(event, TextDelta) for event in events) == 2
    assert sum(isinstance(event, ReasoningDone) for event in events) == 2
    assert sum(isinstance(event, CallDone) for event in events) == 3
    assert events[-1] == ChoiceFinished("length")
    assert judge.resumed == {0}


@pytest.mark.parametrize("late", [{"refusal": "no"}, {"function_call": {"name": "f", "arguments": "{}"}}])
def test_other_content_after_the_finish(late: Any) -> None:
    choices = translated(chunk("a", finish=STOP), delta(**late), "[DONE]")
    assert len(finishes(choices)) == 1
    assert finishes(choices[-1:])
