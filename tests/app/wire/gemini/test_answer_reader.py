"""Whole answers: chunks, choices, ends, usage, errors."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.answer import AnswerBegun, AnswerEnded, AnswerEvent, ChoiceFinished, TextDelta
from app.wire.canonical import ImageTool
from app.wire.exchange import AnswerError
from app.wire.gemini.answer_reader import GeminiAnswerReader
from domain.usage import ImageCount, Usage
from tests.support.wire.gemini.gemini_answers import ASK, TARGET, broken, chunk, inner, plain, streamed

USAGE = {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}
TWO = msgspec.structs.replace(ASK, choices=2)


def ended(events: list[AnswerEvent]) -> AnswerEnded:
    assert isinstance(events[-1], AnswerEnded)
    return events[-1]


def test_a_plain_answer_is_a_stream_of_one_chunk() -> None:
    body = chunk({"text": "Hi"}, finish="STOP", index=0) | {"usageMetadata": USAGE}
    assert (
        plain(body)
        == streamed(body)
        == [
            AnswerBegun("r1", "m1"),
            TextDelta("Hi"),
            ChoiceFinished("stop"),
            AnswerEnded(Usage(input=5, output=2)),
        ]
    )


def test_a_choice_that_was_declined_beside_an_answer_is_filtered() -> None:
    answer = chunk({"text": "A"}, finish="STOP"), chunk(finish="OTHER", index=1)
    events = inner(streamed(*answer, request=TWO))
    assert events == [TextDelta("A"), ChoiceFinished("stop"), ChoiceFinished("content_filter", 1)]


def test_names_and_usage_are_optional() -> None:
    events = plain({"candidates": [{"finishReason": "STOP"}]})
    assert events == [AnswerBegun(), ChoiceFinished("stop"), AnswerEnded()]


def test_the_greatest_figures_count() -> None:
    first = chunk({"text": "Hi"}) | {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 1}}
    last = {"usageMetadata": {**USAGE, "trafficType": "ON_DEMAND"}}
    events = streamed(first, chunk(finish="STOP"), last, {"usageMetadata": {}}, {"usageMetadata": None})
    assert ended(events) == AnswerEnded(Usage(input=5, output=2, service_tier="default"), "default")


def test_choices_are_kept_apart_and_all_finish_at_the_end() -> None:
    first, second = chunk({"text": "A"}, finish="STOP"), chunk({"text": "B"}, index=1)
    events = inner(streamed(first, second, chunk({"text": "C"}, finish="MAX_TOKENS", index=1), request=TWO))
    assert events == [
        TextDelta("A"),
        TextDelta("B", 1),
        TextDelta("C", 1),
        ChoiceFinished("stop"),
        ChoiceFinished("length", 1),
    ]


@pytest.mark.parametrize("index", [2, -1, True, "a", 0.5])
def test_a_choice_that_was_not_requested_is_malformed(index: Any) -> None:
    assert broken(chunk({"text": "A"}, finish="STOP", index=index), request=TWO).malformed


@pytest.mark.parametrize("index", [0, "0", 0.0, None])
def test_an_index_may_have_any_json_form(index: Any) -> None:
    assert inner(streamed(chunk({"text": "A"}, finish="STOP", index=index)))[0] == TextDelta("A")


@pytest.mark.parametrize("reason", ["max_tokens", " MAX_TOKENS "])
def test_a_finish_reason_is_the_same_in_any_case(reason: str) -> None:
    assert inner(streamed(chunk({"text": "A"}, finish=reason)))[-1] == ChoiceFinished("length")


def test_a_finish_reason_that_reports_an_error_is_one() -> None:
    found = broken(chunk({"text": "A"}, finish="ERROR"))
    assert (found.malformed, found.code) == (False, "server_error")


def test_a_plain_answer_with_content_needs_no_finish_reason() -> None:
    assert inner(plain(chunk({"text": "A"}))) == [TextDelta("A"), ChoiceFinished("stop")]


def test_a_plain_answer_may_be_the_list_of_a_streams_chunks() -> None:
    body = [chunk({"text": "A"}), chunk({"text": "B"}, finish="STOP") | {"usageMetadata": USAGE}]
    assert plain(body) == streamed(*body)


@pytest.mark.parametrize("chunks", [(), ({},), ({"candidates": []},), (chunk({"text": "A"}),)])
def test_a_stream_that_ends_early_is_malformed(chunks: tuple[Any, ...]) -> None:
    assert broken(*chunks).malformed


def test_an_unspecified_reason_is_ignored() -> None:
    assert broken(chunk({"text": "A"}, finish="FINISH_REASON_UNSPECIFIED")).malformed


def test_each_choice_must_finish() -> None:
    assert broken(chunk({"text": "A"}, finish="STOP"), chunk({"text": "B"}, index=1), request=TWO).malformed


def test_a_blocked_prompt_is_filtered_and_its_usage_is_reported() -> None:
    body = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}}
    assert plain(body) == [AnswerBegun(), ChoiceFinished("content_filter"), AnswerEnded(Usage(input=5))]
    assert inner(streamed(body, request=TWO)) == [ChoiceFinished("content_filter"), ChoiceFinished("content_filter", 1)]


def test_feedback_that_blocks_nothing_is_not_an_answer() -> None:
    assert broken({"promptFeedback": {"safetyRatings": []}}).malformed


def test_done_is_ignored() -> None:
    assert GeminiAnswerReader(ASK, TARGET).frame("", b" [DONE]") == []


def test_no_turn_is_ever_paused() -> None:
    assert GeminiAnswerReader(ASK, TARGET).continuation() is None


def test_searches_are_counted_once_for_all_choices() -> None:
    first = chunk(finish="STOP", groundingMetadata={"webSearchQueries": ["a", "b"]})
    second = chunk(finish="STOP", index=1, groundingMetadata={"webSearchQueries": ["b", "c"]})
    events = streamed(first, second | {"usageMetadata": USAGE}, request=TWO)
    assert ended(events).usage == Usage(input=5, output=2, web_search_calls=3)


def test_at_most_a_hundred_searches_and_images_are_charged() -> None:
    """No request can limit them."""
    names = [str(number) for number in range(160)]
    first = chunk(finish="STOP", groundingMetadata={"webSearchQueries": names[:80]})
    second = chunk(finish="STOP", index=1, groundingMetadata={"webSearchQueries": names[80:]})
    events = streamed(first, second | {"usageMetadata": USAGE}, request=TWO)
    assert ended(events).usage == Usage(input=5, output=2, web_search_calls=100)
    request = msgspec.structs.replace(ASK, tools=(ImageTool(),))
    image = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    events = streamed(chunk(*[image] * 150, finish="STOP") | {"usageMetadata": USAGE}, request=request)
    assert ended(events).usage == Usage(input=5, output=2, images=(ImageCount("auto", "auto", 100),))


@pytest.mark.parametrize(
    ("options", "size"),
    [({}, "auto"), ({"size": "auto"}, "auto"), ({"size": "1024x1536"}, "1024x1536"), ({"size": 7}, "auto")],
)
def test_images_are_counted_by_their_requested_size(options: dict[str, Any], size: str) -> None:
    request = msgspec.structs.replace(ASK, tools=(ImageTool(options),))
    image = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    events = streamed(chunk(image, image, finish="STOP") | {"usageMetadata": USAGE}, request=request)
    assert ended(events).usage == Usage(input=5, output=2, images=(ImageCount("auto", size, 2),))


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_error_in_place_of_an_answer_is_reported(wrapped: bool) -> None:
    body: Any = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    error = broken(chunk({"text": "A"}), [body] if wrapped else body)
    assert (error.malformed, error.type, error.code) == (False, "server_error", "overloaded")
    assert error.message == "The model is overloaded."


@pytest.mark.parametrize(
    "body",
    [
        7,
        [],
        "x",
        {"candidates": {}},
        {"candidates": [7]},
        {"candidates": [[]]},
        {"promptFeedback": 7},
        {"promptFeedback": {"blockReason": 7}},
        {"responseId": 7},
        {"modelVersion": []},
    ],
)
def test_wrong_types_are_malformed(body: Any) -> None:
    assert broken(body).malformed


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"a":"\xff"}', b"[" * 100_000, b'{"responseId":"\\udc00"}'])
def test_anything_but_json_is_malformed(data: bytes) -> None:
    with pytest.raises(AnswerError) as caught:
        GeminiAnswerReader(ASK, TARGET).frame("", data)
    assert caught.value.malformed


def test_the_length_of_names_is_limited() -> None:
    events = plain(chunk(finish="STOP") | {"responseId": "r" * 9999, "modelVersion": "m" * 9999})
    assert events[0] == AnswerBegun("r" * 256, "m" * 256)


NAMES = st.sampled_from(
    [
        *(
            "candidates",
            "content",
            "parts",
            "text",
            "thought",
            "thoughtSignature",
            "functionCall",
            "name",
            "args",
            "id",
        ),
        *("inlineData", "mimeType", "data", "finishReason", "index", "groundingMetadata", "webSearchQueries"),
        *("groundingChunks", "web", "uri", "groundingSupports", "segment", "endIndex", "groundingChunkIndices"),
        *("usageMetadata", "promptTokenCount", "logprobsResult", "chosenCandidates", "token", "error", "status"),
    ]
)
HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.sampled_from(["", "STOP", "SAFETY", "image/png", "AAAA", "ü"]),
    lambda within: st.lists(within, max_size=3) | st.dictionaries(NAMES, within, max_size=4),
    max_leaves=20,
)
CANDIDATES = st.fixed_dictionaries(
    {},
    optional={
        "content": st.fixed_dictionaries({"parts": st.lists(HOSTILE, max_size=3)}) | HOSTILE,
        "finishReason": st.sampled_from(["STOP", "MAX_TOKENS", "MALFORMED_FUNCTION_CALL", 7]),
        "groundingMetadata": HOSTILE,
        "index": st.integers(0, 1),
        "logprobsResult": HOSTILE,
    },
)


@given(st.lists(st.fixed_dictionaries({"candidates": st.lists(CANDIDATES, max_size=2)}) | HOSTILE, max_size=4))
def test_any_json_is_an_answer_or_an_error(chunks: list[Any]) -> None:
    reader = GeminiAnswerReader(TWO, TARGET)
    try:
        events = [event for entry in chunks for event in reader.frame("", json.dumps(entry).encode())] + reader.end()
    except AnswerError:
        return
    assert isinstance(events[0], AnswerBegun)
    assert [type(event) for event in events].count(AnswerEnded) == 1
    assert isinstance(events[-1], AnswerEnded)
