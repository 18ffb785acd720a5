"""Answers of chat upstreams as a whole: beginning and end, choices, usage, errors, recordings."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.wire.answer import (
    AnswerBegun,
    AnswerEnded,
    ChoiceFinished,
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    TextDelta,
)
from app.wire.chat.calls import CALLS_MAX, WAITING_LENGTH_MAX
from app.wire.chat.choice_reader import CITATIONS_MAX
from app.wire.exchange import AnswerError
from app.wire.tags import seal
from domain.usage import Usage
from tests.support import paths
from tests.support.wire.chat.chat_answers import USAGE, call, choices, citation, delta, fault, read, reader
from tests.support.wire.streams import CHAT_USAGE, chunk, payloads, usage_chunk

RECORDINGS = paths.RECORDINGS / "chat"


BEGAN = AnswerBegun("chatcmpl-1", "vendor-model-2025")


def plain_fault(body: bytes) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        reader().whole(body)
    return caught.value


def test_text_and_usage() -> None:
    frames = (chunk(""), chunk("Hé"), chunk("llo"), chunk(finish="stop"), usage_chunk(CHAT_USAGE), "[DONE]")
    events = [BEGAN, TextDelta("Hé"), TextDelta("llo"), ChoiceFinished("stop"), AnswerEnded(USAGE)]
    assert read(*frames) == events
    assert read(*frames[:-1]) == events


def test_a_plain_answer() -> None:
    actual = chunk(finish="length") | {"usage": CHAT_USAGE, "service_tier": "default"}
    actual["choices"][0]["message"] = {"role": "assistant", "content": "Hé", "reasoning_content": "Hm"}
    events = reader().whole(json.dumps(actual).encode())
    assert events == [
        AnswerBegun("chatcmpl-1", "vendor-model-2025", "default"),
        ReasoningBegun(0),
        ReasoningDelta(0, "Hm"),
        ReasoningDone(0, seal("up", '{"reasoning_content":"Hm"}')),
        TextDelta("Hé"),
        ChoiceFinished("length"),
        AnswerEnded(Usage(input=15, cached_input=5, output=7, reasoning=3, service_tier="default"), "default"),
    ]


def test_a_plain_answer_that_does_not_say_why_it_ended_is_complete() -> None:
    actual = {"choices": [{"index": 0, "message": {"content": "a"}}]}
    assert reader().whole(json.dumps(actual).encode()) == [
        AnswerBegun(),
        TextDelta("a"),
        ChoiceFinished("stop"),
        AnswerEnded(),
    ]


def test_azures_first_chunk_is_ignored() -> None:
    first = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": []}
    assert read(first, chunk("a"), chunk(finish="stop"), "[DONE]")[0] == BEGAN


def test_an_answer_without_id_and_model() -> None:
    assert read({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}) == [
        AnswerBegun(),
        TextDelta("a"),
        ChoiceFinished("stop"),
        AnswerEnded(),
    ]


def test_an_id_alone_begins_the_answer() -> None:
    first = {"id": "x", "model": "v", "choices": []}
    assert read(first, chunk("a", finish="stop"))[0] == AnswerBegun("x", "v")


def test_the_greatest_figures_count() -> None:
    running = CHAT_USAGE | {"completion_tokens": 3}
    events = read(chunk("a", usage=running), chunk(finish="stop", usage=CHAT_USAGE), usage_chunk({"prompt_tokens": 1}))
    assert events[-1] == AnswerEnded(USAGE)


def test_the_tier_is_reported() -> None:
    events = read(chunk("a", service_tier="flex"), chunk(finish="stop"), usage_chunk(CHAT_USAGE), "[DONE]")
    assert events[0] == AnswerBegun("chatcmpl-1", "vendor-model-2025", "flex")
    assert events[-1] == AnswerEnded(
        Usage(input=15, cached_input=5, output=7, reasoning=3, service_tier="flex"), "flex"
    )


def test_choices_are_kept_apart() -> None:
    events = read(chunk("a"), chunk("b", index=1), chunk(index=1, finish="length"), chunk(finish="stop"), choices=2)
    assert events[1:] == [
        TextDelta("a"),
        TextDelta("b", 1),
        ChoiceFinished("length", 1),
        ChoiceFinished("stop"),
        AnswerEnded(),
    ]


def test_fewer_choices_are_complete_only_with_done() -> None:
    frames = (chunk("a"), chunk(finish="stop"))
    assert read(*frames, "[DONE]", choices=2)[-1] == AnswerEnded()
    assert fault(*frames, choices=2).malformed


def logprobs(value: Any) -> dict[str, Any]:
    result = chunk("a")
    result["choices"][0]["logprobs"] = {"content": value}
    return result


@pytest.mark.parametrize(
    "raw",
    [
        "no json",
        "[]",
        '{"choices": 5}',
        '{"a": "\\ud800"}',
        choices(5),
        choices({"index": "-1", "delta": {}}),
        choices({"index": "1" * 5000, "delta": {}}),
        choices({"index": True, "delta": {}}),
        choices({"index": 1, "delta": {}}),
        choices({"index": -1, "delta": {}}),
        choices({"index": 0, "delta": []}),
        choices({"index": 0, "delta": {}, "finish_reason": 5}),
        delta(content=5),
        delta(content=[{"type": "text", "text": 5}]),
        delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": ["a"]}]}]),
        delta(reasoning_content={"a": 1}),
        delta(refusal=["a"]),
        delta(annotations={"a": 1}),
        delta(tool_calls={"a": 1}),
        delta(tool_calls=[5]),
        delta(tool_calls=[{"index": "a", "function": {"name": "f"}}]),
        delta(tool_calls=[{"index": -1, "function": {"name": "f"}}]),
        delta(tool_calls=[{"index": 0, "function": 5}]),
        delta(tool_calls=[{"index": 0, "function": {"name": 5}}]),
        delta(tool_calls=[{"index": 0, "id": [5], "function": {"name": "f"}}]),
        delta(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": 5}}]),
        delta(function_call=5),
        logprobs(5),
        logprobs([5]),
        logprobs([{"token": 5}]),
        logprobs([{"token": "a", "logprob": "0"}]),
        logprobs([{"token": "a", "logprob": True}]),
        logprobs([{"token": "a", "logprob": 0, "top_logprobs": [5]}]),
    ],
)
def test_invalid_answers_are_malformed(raw: Any) -> None:
    assert fault(raw, chunk(finish="stop")).malformed


@pytest.mark.parametrize(
    "frames",
    [
        (),
        ("[DONE]",),
        (chunk("a"),),
        (chunk("a"), "[DONE]"),
        (delta(tool_calls=[call(0, "a")]), chunk(finish="stop")),
        (usage_chunk(CHAT_USAGE), "[DONE]"),
    ],
)
def test_incomplete_answers_are_malformed(frames: tuple[Any, ...]) -> None:
    assert fault(*frames).malformed


def test_limits() -> None:
    many = [call(index, f"call_{index}", "f") for index in range(CALLS_MAX + 1)]
    assert fault(delta(tool_calls=many)).malformed
    assert fault(delta(tool_calls=[call(0, "a", arguments="x" * WAITING_LENGTH_MAX), call(0, arguments="y")])).malformed
    cited = [citation(0, 1, f"https://a.example/{number}") for number in range(CITATIONS_MAX + 1)]
    assert fault(delta(content="a", annotations=cited)).malformed


@pytest.mark.parametrize(
    "raw",
    [
        {"error": {"message": "gone", "type": "server_error", "code": 503}},
        {"object": "error", "message": "gone", "type": "server_error", "code": "503"},
        choices({"index": 0, "error": {"message": "gone", "type": "server_error", "code": "503"}}),
    ],
)
def test_errors_are_reported(raw: Any) -> None:
    for error in (fault(chunk("a"), raw), plain_fault(json.dumps(raw).encode())):
        assert (error.malformed, error.message, error.type, error.code) == (False, "gone", "server_error", "503")


@pytest.mark.parametrize("raw", [{"error": {"message": "gone"}}, {"message": "gone"}])
def test_an_event_named_error_is_an_error(raw: Any) -> None:
    with pytest.raises(AnswerError, match="gone") as caught:
        reader().frame("error", json.dumps(raw).encode())
    assert not caught.value.malformed


@pytest.mark.parametrize("raw", [{}, {"choices": []}, {"choices": [{"index": 0}]}, {"choices": [{"message": 5}]}])
def test_a_plain_answer_without_a_message_is_malformed(raw: Any) -> None:
    assert plain_fault(json.dumps(raw).encode()).malformed


EXPECTED = {
    "azure-model-router.1.chunks.txt": (
        "Capital of Denmark.",
        19,
        "gpt-5-nano-2025-08-07",
        Usage(15, output=78, reasoning=64),
    ),
    "openai-text.chunks.txt": ("**Holiday Name:** Harmony Day", 1724, "gpt-4.1-nano-2025-04-14", Usage(16, output=300)),
    "openai-text.json": ("**Holiday Name:** Galaxy Day", 1842, "gpt-4.1-nano-2025-04-14", Usage(16, output=363)),
}


@pytest.mark.parametrize("name", [name for name in EXPECTED if (RECORDINGS / name).exists()])
def test_recordings(name: str) -> None:
    body = (RECORDINGS / name).read_bytes()
    if name.endswith(".json"):
        events = reader().whole(body)
    else:
        lines = payloads(b"".join(b"data: " + line + b"\n\n" for line in body.splitlines()))
        events = read(*lines)
    beginning, length, model, usage = EXPECTED[name]
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert text.startswith(beginning)
    assert len(text) == length
    first, finish, last = events[0], events[-2], events[-1]
    assert isinstance(first, AnswerBegun)
    assert isinstance(last, AnswerEnded)
    assert last.usage is not None
    assert (first.model, finish) == (model, ChoiceFinished("stop"))
    assert (last.usage.input, last.usage.output, last.usage.reasoning) == (usage.input, usage.output, usage.reasoning)


scalars = st.one_of(st.none(), st.booleans(), st.integers(-2, 3), st.floats(allow_nan=False), st.text(max_size=3))


names = st.sampled_from(
    [
        *("choices", "delta", "message", "index", "content", "tool_calls", "function", "name", "arguments", "id"),
        *("finish_reason", "usage", "prompt_tokens", "completion_tokens", "logprobs", "annotations", "url_citation"),
        *("reasoning", "refusal", "custom", "function_call", "extra_content", "error", "url", "token", "logprob"),
    ]
)


anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)


choice_like = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("delta", "message", "index", "finish_reason"), anything)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.dictionaries(names, anything), st.builds(choices, choice_like)), max_size=4))
def test_any_input_is_read_or_is_an_error(frames: list[Any]) -> None:
    with contextlib.suppress(AnswerError):
        read(*frames)
    with contextlib.suppress(AnswerError):
        reader().whole(json.dumps(frames[0] if frames else 5).encode())
