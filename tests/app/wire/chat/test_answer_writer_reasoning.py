"""Reasoning in chat completions: shown by paragraph, and sealed in the calls that follow it."""

from __future__ import annotations

from app.wire.answer import (
    AnswerBegun,
    AnswerEnded,
    CallBegun,
    CallDone,
    ChoiceFinished,
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    TextDelta,
)
from app.wire.tags import seal
from tests.support.wire.chat.chat_completions import FUNCTIONS, SILENT_ROLE, deltas, message, plain, streamed

THOUGHT = (
    AnswerBegun(),
    ReasoningBegun(0),
    ReasoningDelta(0, "Hm"),
    ReasoningDelta(0, "m."),
    ReasoningDelta(0, "So", 1),
    ReasoningDone(0, seal("up", "one")),
)


def test_reasoning_is_written_by_paragraph() -> None:
    actual = deltas(streamed(*THOUGHT, TextDelta("Yes")))
    assert actual == [
        SILENT_ROLE,
        {"reasoning_content": "Hm"},
        {"reasoning_content": "m."},
        {"reasoning_content": "\n\nSo"},
        {"content": "Yes"},
    ]
    assert message(*THOUGHT, TextDelta("Yes")) == {
        "role": "assistant",
        "content": "Yes",
        "refusal": None,
        "reasoning_content": "Hmm.\n\nSo",
        "annotations": [],
    }


def test_sealed_reasoning_is_carried_by_the_next_call() -> None:
    events = (*THOUGHT, CallBegun(1, "call_a", "f"), CallBegun(2, "call_b", "g"), CallDone(1), CallDone(2))
    first, second = message(*events)["tool_calls"]
    assert first["extra_content"] == {"realrouter": {"reasoning": seal("up", "one")}}
    assert "extra_content" not in second
    begun = [entry["tool_calls"][0] for entry in deltas(streamed(*events)) if "tool_calls" in entry]
    assert [call.get("extra_content") for call in begun] == [first["extra_content"], None, None, None]


def test_several_sealed_thoughts_are_carried_together() -> None:
    more = (ReasoningBegun(1), ReasoningDone(1, seal("up", "two")), ReasoningBegun(2), ReasoningDone(2))
    events = (*THOUGHT, *more, CallBegun(3, "call_a", "f"), CallDone(3))
    extra = {"realrouter": {"reasoning": [seal("up", "one"), seal("up", "two")]}}
    assert message(*events)["tool_calls"][0]["extra_content"] == extra
    assert message(*events, **FUNCTIONS)["function_call"]["extra_content"] == extra


def test_sealed_reasoning_before_the_text_is_marked() -> None:
    after = (ReasoningBegun(1), ReasoningDone(1, seal("up", "two")))
    one, two = CallBegun(2, "call_a", "f"), CallBegun(3, "call_b", "g")
    calls = message(*THOUGHT, TextDelta("So: "), *after, one, two, CallDone(2), CallDone(3))["tool_calls"]
    own = {"reasoning": [seal("up", "one"), seal("up", "two")], "before_text": 1}
    assert [call.get("extra_content") for call in calls] == [{"realrouter": own}, None]
    late = message(AnswerBegun(), one, *THOUGHT[1:], TextDelta("Then"), two, CallDone(2), CallDone(3))["tool_calls"]
    assert late[1]["extra_content"] == {"realrouter": {"reasoning": seal("up", "one")}}


def test_sealed_reasoning_stays_in_its_choice() -> None:
    events = (*THOUGHT, CallBegun(1, "call_b", "g", choice=1), CallDone(1))
    choices = plain(*events, ChoiceFinished("stop"), ChoiceFinished("tool_calls", 1), AnswerEnded())["choices"]
    assert "extra_content" not in choices[1]["message"]["tool_calls"][0]
