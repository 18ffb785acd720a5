"""Chat completions written from events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.lib.streaming._deltas import accumulate_delta

from app.wire.answer import (
    AnswerBegun,
    AnswerEnded,
    AnswerEvent,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
    CitationAdded,
    ImageBegun,
    ImageDone,
    ImagePartial,
    ReasoningBegun,
    ReasoningDone,
    RefusalDelta,
    SearchBegun,
    SearchDone,
    TextDelta,
)
from tests.support.wire.chat.chat_completions import (
    FUNCTIONS,
    INCLUDE,
    SEED,
    SILENT_ROLE,
    USAGE,
    deltas,
    message,
    plain,
    streamed,
    writer,
)
from tests.support.wire.streams import payloads

USAGE_OBJECT = {
    "prompt_tokens": 22,
    "completion_tokens": 13,
    "total_tokens": 35,
    "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3, "image_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 3,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}


ROLE = {"role": "assistant", "content": "", "refusal": None}


def test_text() -> None:
    chunks = streamed(
        AnswerBegun("up", "vendor"), TextDelta("Hé"), TextDelta("llo"), ChoiceFinished("stop"), AnswerEnded(USAGE)
    )
    assert deltas(chunks) == [ROLE, {"content": "Hé"}, {"content": "llo"}, "stop"]
    assert all("usage" not in entry for entry in chunks)
    assert chunks[0] == {
        "id": f"chatcmpl-{SEED}",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "public",
        "service_tier": None,
        "choices": [{"index": 0, "delta": ROLE, "logprobs": None, "finish_reason": None}],
    }


def test_plain_text_has_every_member() -> None:
    events = (
        AnswerBegun("up", "vendor", "default"),
        TextDelta("Hé"),
        TextDelta("llo"),
        ChoiceFinished("length"),
        AnswerEnded(USAGE),
    )
    assert plain(*events) == {
        "id": f"chatcmpl-{SEED}",
        "object": "chat.completion",
        "created": 5,
        "model": "public",
        "service_tier": "default",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Héllo", "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "length",
            }
        ],
        "usage": USAGE_OBJECT,
    }


def test_requested_usage_comes_last() -> None:
    chunks = streamed(AnswerBegun(), TextDelta("a"), ChoiceFinished("stop"), AnswerEnded(USAGE, "priority"), **INCLUDE)
    assert [entry["usage"] for entry in chunks] == [None, None, None, USAGE_OBJECT]
    assert (chunks[-1]["choices"], chunks[-1]["service_tier"]) == ([], "priority")


def test_unknown_or_unrequested_usage_is_not_written() -> None:
    assert len(streamed(AnswerBegun(), TextDelta("a"), ChoiceFinished("stop"), AnswerEnded(), **INCLUDE)) == 3
    for options in (None, {}, {"include_usage": False}):
        chunks = streamed(
            AnswerBegun(), TextDelta("a"), ChoiceFinished("stop"), AnswerEnded(USAGE), stream_options=options
        )
        assert [len(entry["choices"]) for entry in chunks] == [1, 1, 1]
    assert plain(AnswerBegun(), TextDelta("a"), ChoiceFinished("stop"), AnswerEnded())["usage"] is None


def test_a_tier_that_openai_does_not_know_is_not_written() -> None:
    assert streamed(AnswerBegun(service_tier="flex"), TextDelta("a"))[0]["service_tier"] == "flex"
    assert streamed(AnswerBegun(service_tier="standard"), TextDelta("a"))[0]["service_tier"] is None
    assert (
        plain(AnswerBegun(service_tier="flex"), ChoiceFinished("stop"), AnswerEnded(service_tier="odd"))["service_tier"]
        == "flex"
    )


def test_an_empty_answer_is_empty_text() -> None:
    assert deltas(streamed(AnswerBegun(), ChoiceFinished("content_filter"))) == [ROLE, "content_filter"]
    assert message(AnswerBegun())["content"] == ""


def test_choices_are_kept_apart() -> None:
    events = (
        AnswerBegun(),
        TextDelta("b", 1),
        TextDelta("a"),
        ChoiceFinished("length", 1),
        TextDelta("c"),
        ChoiceFinished("stop"),
    )
    chunks = streamed(*events)
    assert [entry["choices"][0]["index"] for entry in chunks] == [1, 1, 0, 0, 1, 0, 0]
    choices = plain(*events, AnswerEnded())["choices"]
    assert [(one["index"], one["message"]["content"], one["finish_reason"]) for one in choices] == [
        (0, "ac", "stop"),
        (1, "b", "length"),
    ]


def test_a_refusal() -> None:
    events = (AnswerBegun(), RefusalDelta("I "), RefusalDelta("won't"))
    assert deltas(streamed(*events)) == [SILENT_ROLE, {"refusal": "I "}, {"refusal": "won't"}]
    assert message(*events) == {"role": "assistant", "content": None, "refusal": "I won't", "annotations": []}


def test_logprobs() -> None:
    one = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    two = one | {"token": "b", "bytes": [98]}
    events = (
        AnswerBegun(),
        TextDelta("a", logprobs=(one,)),
        TextDelta("b", logprobs=(two,)),
        ChoiceFinished("stop"),
        AnswerEnded(),
    )
    actual = [chunk["choices"][0]["logprobs"] for chunk in streamed(*events)]
    assert actual == [None, {"content": [one], "refusal": None}, {"content": [two], "refusal": None}, None]
    assert plain(*events)["choices"][0]["logprobs"] == {"content": [one, two], "refusal": None}


PARALLEL = (
    AnswerBegun(),
    TextDelta("Let me see."),
    CallBegun(0, "call_a", "f"),
    CallBegun(1, "call_b", "g"),
    CallDelta(0, '{"x":'),
    CallDelta(1, "{}"),
    CallDelta(0, "1}"),
    CallDone(0),
    CallDone(1),
    ChoiceFinished("tool_calls"),
)


def test_parallel_calls() -> None:
    def begun(index: int, call_id: str, name: str) -> dict[str, Any]:
        return {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}

    def more(index: int, text: str) -> dict[str, Any]:
        return {"tool_calls": [{"index": index, "function": {"arguments": text}}]}

    assert deltas(streamed(*PARALLEL)) == [
        ROLE,
        {"content": "Let me see."},
        {"tool_calls": [begun(0, "call_a", "f")]},
        {"tool_calls": [begun(1, "call_b", "g")]},
        more(0, '{"x":'),
        more(1, "{}"),
        more(0, "1}"),
        "tool_calls",
    ]
    actual = plain(*PARALLEL, AnswerEnded())["choices"][0]
    assert actual["finish_reason"] == "tool_calls"
    assert actual["message"] == {
        "role": "assistant",
        "content": "Let me see.",
        "refusal": None,
        "annotations": [],
        "tool_calls": [
            {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
            {"id": "call_b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    }


def test_a_call_without_arguments_has_an_empty_object() -> None:
    events = (AnswerBegun(), CallBegun(0, "call_a", "f"), CallDone(0))
    assert deltas(streamed(*events))[-1] == {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}
    actual = message(*events)
    assert actual["tool_calls"][0]["function"]["arguments"] == "{}"
    assert actual["content"] is None


def test_a_custom_call() -> None:
    events = (
        AnswerBegun(),
        CallBegun(0, "call_a", "sql", "custom"),
        CallDelta(0, "SELECT"),
        CallDelta(0, " 1"),
        CallDone(0),
    )
    first = {"index": 0, "id": "call_a", "type": "custom", "custom": {"name": "sql", "input": ""}}
    assert deltas(streamed(*events)) == [
        SILENT_ROLE,
        {"tool_calls": [first]},
        {"tool_calls": [{"index": 0, "custom": {"input": "SELECT"}}]},
        {"tool_calls": [{"index": 0, "custom": {"input": " 1"}}]},
    ]
    call = {"id": "call_a", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
    assert message(*events)["tool_calls"] == [call]
    joined: dict[object, object] = {}
    for delta in deltas(streamed(*events)):
        accumulate_delta(joined, delta)
    assert joined["tool_calls"] == [{"index": 0, **call}]


def test_a_custom_call_may_have_no_input() -> None:
    events = (AnswerBegun(), CallBegun(0, "call_a", "sql", "custom"), CallDone(0))
    assert len(streamed(*events)) == 2
    assert message(*events)["tool_calls"][0]["custom"] == {"name": "sql", "input": ""}


def test_a_legacy_request_gets_a_legacy_answer() -> None:
    assert deltas(streamed(*PARALLEL, **FUNCTIONS)) == [
        ROLE,
        {"content": "Let me see."},
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": '{"x":'}},
        {"function_call": {"arguments": "1}"}},
        "function_call",
    ]
    actual = plain(*PARALLEL, AnswerEnded(), **FUNCTIONS)["choices"][0]
    assert actual["finish_reason"] == "function_call"
    assert actual["message"]["function_call"] == {"name": "f", "arguments": '{"x":1}'}
    assert "tool_calls" not in actual["message"]


def test_a_legacy_request_without_a_call() -> None:
    assert deltas(streamed(AnswerBegun(), TextDelta("a"), ChoiceFinished("stop"), **FUNCTIONS))[-1] == "stop"
    assert "function_call" not in message(AnswerBegun(), TextDelta("a"), **FUNCTIONS)


def cited(start: int, end: int, url: str = "https://a.example/") -> dict[str, Any]:
    place = {"start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": {**place, "title": "A", "url": url}}


def test_citations_come_once_before_the_finish() -> None:
    events = (
        AnswerBegun(),
        SearchBegun(0),
        SearchDone(0, {"type": "search"}),
        TextDelta("One "),
        CitationAdded("https://a.example/", "A", 0, 3),
        TextDelta("two"),
        CitationAdded("https://b.example/", "A", 4, 7),
    )
    both = [cited(0, 3), cited(4, 7, "https://b.example/")]
    chunks = streamed(*events, ChoiceFinished("stop"))
    assert deltas(chunks) == [SILENT_ROLE, {"content": "One "}, {"content": "two"}, {"annotations": both}, "stop"]
    assert message(*events)["annotations"] == both


@pytest.mark.parametrize("between", [(CallBegun(1, "call_a", "f"), CallDone(1)), (ReasoningBegun(1), ReasoningDone(1))])
def test_offsets_of_a_later_message_count_from_the_first(between: tuple[AnswerEvent, ...]) -> None:
    events = (
        AnswerBegun(),
        TextDelta("Grüße. "),
        *between,
        TextDelta("Two"),
        CitationAdded("https://a.example/", "A", 0, 3),
    )
    assert message(*events)["annotations"] == [cited(7, 10)]


def test_images_come_whole() -> None:
    events = (
        AnswerBegun(),
        ImageBegun(0),
        ImagePartial(0, "cGFydA==", 0),
        ImageDone(0, "b25l"),
        ImageBegun(1),
        ImageDone(1, "dHdv", {"output_format": "webp"}),
    )
    images = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,b25l"}},
        {"type": "image_url", "image_url": {"url": "data:image/webp;base64,dHdv"}},
    ]
    assert deltas(streamed(*events, ChoiceFinished("stop"))) == [SILENT_ROLE, {"images": images, "content": ""}, "stop"]
    actual = message(*events)
    assert (actual["images"], actual["content"]) == (images, "")


def test_a_failure_is_an_error_in_place_of_a_chunk() -> None:
    error = {"message": "gone", "type": "server_error", "param": None, "code": "overloaded"}
    actual = writer(stream=True).failure(message="gone", type="server_error", code="overloaded")
    assert payloads(actual) == [{"error": error}]
    assert actual.endswith(b"\n\n")
    body = writer(stream=False).failure(message="gone", type="server_error", code="overloaded")
    assert json.loads(body) == {"error": error}
