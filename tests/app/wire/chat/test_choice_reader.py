"""One choice of a chat upstream's answer: reasoning, refusals, finish reasons, signatures, citations, log probabilities."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.answer import (
    AnswerEnded,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
    CitationAdded,
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    RefusalDelta,
    SearchBegun,
    SearchDone,
    TextDelta,
)
from app.wire.chat.choice_reader import SEALED_LENGTH_MAX
from app.wire.tags import seal, unseal
from domain.usage import Usage
from tests.support.wire.chat.chat_answers import USAGE, A, call, citation, delta, fault, inner, read
from tests.support.wire.streams import CHAT_USAGE, chunk, usage_chunk


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_ends_before_text(name: str) -> None:
    first, second = ({name: text} for text in ("Hm", "m."))
    frames = (delta(None, **first), delta(None, **second), delta(content="Yes"), delta("stop"))
    assert inner(*frames) == [
        ReasoningBegun(0),
        ReasoningDelta(0, "Hm"),
        ReasoningDelta(0, "m."),
        ReasoningDone(0, seal("up", json.dumps({name: "Hmm."}, separators=(",", ":")))),
        TextDelta("Yes"),
    ]


def test_content_may_be_a_list_of_parts() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}, 5, {"type": "reference"}]}
    frames = (
        delta(content=[thinking]),
        delta(content=[{"type": "text", "text": "Ye"}, {"type": "text", "text": ""}, "x", {"type": "thinking"}]),
        delta(content="s"),
        delta("stop"),
    )
    assert inner(*frames) == [
        ReasoningBegun(0),
        ReasoningDelta(0, "Hm"),
        ReasoningDone(0),
        TextDelta("Ye"),
        TextDelta("s"),
    ]


def test_reasoning_under_both_names_is_reported_once() -> None:
    assert inner(delta(reasoning="Hm", reasoning_content="Hm"), delta("stop"))[1] == ReasoningDelta(0, "Hm")


def test_reasoning_after_text_is_a_new_stretch() -> None:
    frames = (delta(reasoning="a"), delta(content="b"), delta(reasoning="c"), delta("length"))
    assert [type(event) for event in inner(*frames)] == [
        *(ReasoningBegun, ReasoningDelta, ReasoningDone, TextDelta, ReasoningBegun, ReasoningDelta, ReasoningDone)
    ]
    assert [event.key for event in inner(*frames) if isinstance(event, ReasoningBegun)] == [0, 1]


def test_very_long_reasoning_is_forwarded_but_not_sealed() -> None:
    long = "x" * SEALED_LENGTH_MAX
    events = inner(delta(reasoning=long), delta(reasoning="y"), delta(content="b"), delta(reasoning="z"), delta("stop"))
    assert [event.sealed for event in events if isinstance(event, ReasoningDone)] == [
        None,
        seal("up", '{"reasoning":"z"}'),
    ]


def test_a_refusal() -> None:
    frames = (delta(reasoning="a"), delta(refusal="No"), delta(refusal="."), delta("stop"))
    assert inner(*frames)[2:] == [
        ReasoningDone(0, seal("up", '{"reasoning":"a"}')),
        RefusalDelta("No"),
        RefusalDelta("."),
    ]


@pytest.mark.parametrize(
    ("raw", "with_call", "reason"),
    [
        ("stop", True, "tool_calls"),
        ("tool_calls", True, "tool_calls"),
        ("length", True, "length"),
        ("content_filter", True, "content_filter"),
        ("tool_calls", False, "stop"),
        ("max_tokens", False, "length"),
        ("model_length", False, "length"),
        ("end_turn", False, "stop"),
    ],
)
def test_finish_reasons(raw: str, with_call: bool, reason: str) -> None:
    said = delta(tool_calls=[call(0, "a", "f", "{}")]) if with_call else delta(content="a")
    assert read(said, delta(raw))[-2] == ChoiceFinished(reason)  # type: ignore[arg-type]


def test_a_repeated_finish_counts_once() -> None:
    assert read(chunk("a"), chunk(finish="stop"), chunk("", finish="stop"), "[DONE]")[1:] == [
        TextDelta("a"),
        ChoiceFinished("stop"),
        AnswerEnded(),
    ]


@pytest.mark.parametrize(("raw", "code"), [("error", "server_error"), ("insufficient_system_resource", "overloaded")])
def test_a_finish_reason_that_means_failure_is_an_error(raw: str, code: str) -> None:
    error = fault(chunk("a"), chunk(finish=raw))
    assert (error.malformed, error.type, error.code) == (False, "server_error", code)


def test_signatures_of_calls_are_sealed_before_them() -> None:
    extra = {"google": {"thought_signature": "c2ln"}}
    actual = call(0, "a", "f", "1") | {"extra_content": extra}
    events = inner(delta(tool_calls=[actual, call(1, "b", "g", "2")]), delta("tool_calls"))
    assert events[0] == ReasoningBegun(0)
    assert isinstance(events[1], ReasoningDone)
    assert events[1].sealed is not None
    assert json.loads(unseal(events[1].sealed, "up") or "") == {"extra_content": extra}
    assert [type(event) for event in events[2:]] == [CallBegun, CallDelta, CallBegun, CallDelta, CallDone, CallDone]


def test_a_signature_is_sealed_with_the_reasoning_before_it() -> None:
    actual = call(0, "a", "f", "1") | {"extra_content": {"x": 1}}
    events = inner(delta(reasoning_content="Hm"), delta(tool_calls=[actual]), delta("tool_calls"))
    assert events[2] == ReasoningDone(0, seal("up", '{"reasoning_content":"Hm","extra_content":{"x":1}}'))


def test_extra_content_of_another_kind_is_ignored() -> None:
    assert inner(delta(tool_calls=[call(0, "a", "f") | {"extra_content": "x"}]), delta("stop"))[0] == A


def test_citations_count_as_a_search() -> None:
    frames = (
        delta(content="One two"),
        delta(annotations=[citation(0, 3), citation(4, 7, "https://b.example/", None), citation(0, 3)]),
        delta("stop", annotations=[citation(0, 3, title="again"), citation(4, 7)]),
        usage_chunk(CHAT_USAGE),
    )
    actual = [
        TextDelta("One two"),
        CitationAdded("https://a.example/", "A", 0, 3),
        CitationAdded("https://b.example/", "", 4, 7),
        CitationAdded("https://a.example/", "A", 4, 7),
    ]
    sources = [{"type": "url", "url": "https://a.example/"}, {"type": "url", "url": "https://b.example/"}]
    search = {"type": "search", "query": "", "queries": [], "sources": sources}
    assert read(*frames, search=True)[1:] == [
        *actual,
        SearchBegun(0),
        SearchDone(0, search),
        ChoiceFinished("stop"),
        AnswerEnded(Usage(input=15, cached_input=5, output=7, reasoning=3, web_search_calls=1), searches=1),
    ]
    assert read(*frames)[1:] == [*actual, ChoiceFinished("stop"), AnswerEnded(USAGE)]


def test_a_search_without_usage() -> None:
    frames = (delta(content="One"), delta("stop", annotations=[citation(0, 3)]))
    assert read(*frames, search=True)[-1] == AnswerEnded(searches=1)


def test_offsets_of_a_later_message_count_from_its_start() -> None:
    frames = (
        delta(content="One "),
        delta(reasoning="Hm"),
        delta(content="two"),
        delta("stop", annotations=[citation(4, 7), citation(0, 3)]),
    )
    events = inner(*frames)
    assert events[-2:] == [
        CitationAdded("https://a.example/", "A", 0, 3),
        CitationAdded("https://a.example/", "A", 0, 0),
    ]


def test_offsets_stay_within_the_text() -> None:
    actual = [citation(2, 900), citation(9, 1), citation(-1, True), citation("x", None, "https://c.example/")]
    events = inner(delta(content="abc"), delta("stop", annotations=actual))
    assert [(event.start, event.end) for event in events if isinstance(event, CitationAdded)] == [
        (2, 3),
        (3, 3),
        (0, 0),
        (0, 0),
    ]


@pytest.mark.parametrize("raw", [5, {}, {"url_citation": 5}, citation(0, 1, None), citation(0, 1, "")])
def test_other_annotations_are_ignored(raw: Any) -> None:
    assert inner(delta(content="abc"), delta("stop", annotations=[raw])) == [TextDelta("abc")]


def test_a_citation_without_text_is_ignored() -> None:
    assert inner(delta(annotations=[citation(0, 1)]), delta(content="a"), delta("stop")) == [TextDelta("a")]
    assert inner(delta(content="a"), delta("stop"), delta(annotations=[citation(0, 1)])) == [TextDelta("a")]


def test_logprobs_in_their_own_shape() -> None:
    other = {"token": "b", "logprob": -2, "bytes": [98]}
    token = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [other | {"id": 7}], "id": 5}
    actual = chunk("a")
    actual["choices"][0]["logprobs"] = {"content": [token], "refusal": None}
    clean = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [other]}
    assert inner(actual, chunk("b"), chunk(finish="stop")) == [TextDelta("a", 0, (clean,)), TextDelta("b")]
    empty = chunk("")
    empty["choices"][0]["logprobs"] = {"content": [token | {"bytes": None}]}
    assert inner(empty, chunk("a"), chunk(finish="stop")) == [TextDelta("a", 0, (clean | {"bytes": None},))]


def test_logprobs_of_another_shape() -> None:
    actual = chunk("a")
    actual["choices"][0]["logprobs"] = [1]
    assert inner(actual, chunk(finish="stop")) == [TextDelta("a")]
