"""Parts of a candidate, read into events."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.wire.answer import (
    AnswerEvent,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
    CitationAdded,
    ImageBegun,
    ImageDone,
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    SearchBegun,
    SearchDone,
    TextDelta,
)
from app.wire.exchange import AnswerError
from app.wire.tags import seal
from tests.support.wire.gemini.gemini_answers import ASK, broken, chunk, inner, plain, read, streamed

STOP = ChoiceFinished("stop")
CALLS = ChoiceFinished("tool_calls")
SIG, SIG2 = seal("google", "SIG"), seal("google", "SIG2")
PNG = {"mimeType": "image/png", "data": "AAAA"}


def call(name: str = "f", signature: str | None = None, **members: Any) -> dict[str, Any]:
    signed = {"thoughtSignature": signature} if signature else {}
    return {"functionCall": {"name": name, **members}, **signed}


def called(key: int, call_id: str, name: str = "f", arguments: str = "{}") -> list[AnswerEvent]:
    return [CallBegun(key, call_id, name), CallDelta(key, arguments), CallDone(key)]


def stretch(key: int, seal: str | None, *texts: str) -> list[AnswerEvent]:
    return [ReasoningBegun(key), *(ReasoningDelta(key, text) for text in texts), ReasoningDone(key, seal)]


def ids(events: list[AnswerEvent]) -> list[str]:
    return [event.call_id for event in events if isinstance(event, CallBegun)]


def test_text_is_emitted_and_empty_text_is_not() -> None:
    assert read({"text": "Hel"}, {"text": ""}, {"text": "lo"}, {}) == [TextDelta("Hel"), TextDelta("lo"), STOP]


def test_thoughts_are_one_stretch_until_something_else_comes() -> None:
    thoughts = ({"text": "Hm", "thought": True}, {"text": "", "thought": True}, {"text": "m.", "thought": True})
    assert read(*thoughts, {"text": "So."}) == [*stretch(0, None, "Hm", "m."), TextDelta("So."), STOP]
    assert read(*thoughts) == [*stretch(0, None, "Hm", "m."), STOP]
    assert read({"text": "Hm", "thought": False}) == [TextDelta("Hm"), STOP]


def test_a_call_comes_whole() -> None:
    events = read(call("weather", args={"city": "Zürich", "n": [1, 2.0]}, id="c1"))
    assert events == [*called(0, "c1", "weather", '{"city":"Zürich","n":[1,2.0]}'), CALLS]


@pytest.mark.parametrize("vendor_id", [None, "", 7, "x" * 257])
def test_a_call_without_an_id_gets_a_stable_one(vendor_id: Any) -> None:
    parts = (call(id=vendor_id), call(id=vendor_id), call("g", id=vendor_id))
    made = ids(read(*parts))
    assert len(set(made)) == 3
    assert all(name.startswith("call_") and len(name) == 29 for name in made)
    assert made == ids(read(*parts)) == ids(inner(plain(chunk(*parts, finish="STOP"))))
    assert made != ids(streamed({**chunk(*parts, finish="STOP"), "responseId": "r2"}))


def test_a_repeated_id_is_used_once() -> None:
    first, second = ids(read(call(id="c1"), call(id="c1")))
    assert first == "c1"
    assert second.startswith("call_")


def test_a_signature_of_a_call_comes_before_it() -> None:
    assert read(call(signature="SIG", id="c1"), call(id="c2")) == [
        *stretch(0, SIG),
        *called(1, "c1"),
        *called(2, "c2"),
        CALLS,
    ]
    assert read({"text": "Hm", "thought": True}, call(signature="SIG", id="c1")) == [
        *stretch(0, SIG, "Hm"),
        *called(1, "c1"),
        CALLS,
    ]


def test_a_signature_of_a_thought_ends_it() -> None:
    parts = ({"text": "Hm", "thought": True, "thoughtSignature": "SIG"}, {"text": "Ah", "thought": True})
    assert read(*parts) == [*stretch(0, SIG, "Hm"), *stretch(1, None, "Ah"), STOP]


def test_a_signature_of_a_text_comes_after_its_message() -> None:
    expected = [TextDelta("A"), TextDelta("B"), *stretch(0, SIG), STOP]
    assert read({"text": "A"}, {"text": "B", "thoughtSignature": "SIG"}) == expected
    assert read({"text": "A"}, {"text": "B"}, {"text": "", "thoughtSignature": "SIG"}) == expected
    assert read({"text": "A", "thoughtSignature": "SIG"}, {"text": "B"}) == expected


def test_two_signatures_of_texts_are_two_stretches() -> None:
    parts = ({"text": "A", "thoughtSignature": "SIG"}, {"text": "B", "thoughtSignature": "SIG2"}, call(id="c1"))
    assert read(*parts) == [
        TextDelta("A"),
        TextDelta("B"),
        *stretch(0, SIG),
        *stretch(1, SIG2),
        *called(2, "c1"),
        CALLS,
    ]


def test_a_signature_without_any_text_stands_alone() -> None:
    assert read({"text": "", "thoughtSignature": "SIG"}) == [*stretch(0, SIG), STOP]
    assert read({"text": "Hm", "thought": True}, {"text": "", "thoughtSignature": "SIG"}) == [
        *stretch(0, SIG, "Hm"),
        STOP,
    ]
    assert read(call(id="c1"), {"thoughtSignature": "SIG"}) == [*called(0, "c1"), *stretch(1, SIG), CALLS]


def test_an_image_is_emitted() -> None:
    signed = {"inlineData": PNG, "thoughtSignature": "SIG"}
    assert read({"text": "Here:"}, signed) == [
        TextDelta("Here:"),
        *stretch(0, SIG),
        ImageBegun(1),
        ImageDone(1, "AAAA", {"output_format": "png"}),
        STOP,
    ]


@pytest.mark.parametrize(
    "part",
    [
        {"inlineData": {"mimeType": "audio/pcm", "data": "AAAA"}},
        {"inlineData": {"mimeType": "image/png", "data": ""}},
        {"inlineData": PNG, "thought": True},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK"}},
        {"somethingNew": 7},
        {"functionCall": None},
    ],
)
def test_parts_that_were_not_requested_are_ignored(part: dict[str, Any]) -> None:
    assert read(part, {"text": "A"}) == [TextDelta("A"), STOP]


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("OTHER", "stop"),
        ("NO_IMAGE", "stop"),
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_a_finish_reason_has_openai_s_name(finish: str, reason: Any) -> None:
    assert read({"text": "A"}, finish=finish)[-1] == ChoiceFinished(reason)


def test_calls_finish_as_calls_unless_they_were_cut() -> None:
    assert read(call(id="c1"), finish="MAX_TOKENS")[-1] == ChoiceFinished("length")
    assert read(call(id="c1"), finish="SAFETY")[-1] == ChoiceFinished("content_filter")


@pytest.mark.parametrize("finish", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MISSING_THOUGHT_SIGNATURE"])
def test_an_aborted_answer_is_malformed(finish: str) -> None:
    assert broken(chunk({"text": "A"}, finish=finish)).malformed


@pytest.mark.parametrize("finish", ["OTHER", "NO_IMAGE", "SOMETHING_NEW"])
@pytest.mark.parametrize("parts", [(), ({"text": ""},), ({"text": "Hm", "thought": True},)])
def test_an_unknown_reason_without_an_answer_is_an_error(finish: str, parts: Any) -> None:
    error = broken(chunk(*parts, finish=finish))
    assert (error.malformed, finish in error.message) == (True, True)
    with pytest.raises(AnswerError):
        plain(chunk(*parts, finish=finish))


def test_a_picture_or_a_call_is_an_answer_whatever_the_reason() -> None:
    assert read({"inlineData": PNG}, finish="OTHER")[-1] == STOP
    assert read(call(id="c1"), finish="OTHER")[-1] == CALLS


def test_a_known_reason_without_content_is_an_empty_answer() -> None:
    assert read(finish="SAFETY") == [ChoiceFinished("content_filter")]
    assert read(finish="STOP") == [STOP]


def test_an_empty_finish_reason_is_none() -> None:
    assert broken(chunk({"text": "A"}, finish="")).malformed
    events = inner(streamed(chunk({"text": "A"}, finish=""), chunk({"text": "B"}, finish="MAX_TOKENS")))
    assert events[-1] == ChoiceFinished("length")


def test_calls_after_the_first_are_left_out_if_the_client_wants_one_at_a_time() -> None:
    request = msgspec.structs.replace(ASK, parallel_tool_calls=False)
    parts = (call(id="c1", signature="SIG"), call("g", id="c2", signature="SIG2"), {"text": "A"}, call(id="c3"))
    expected = [*stretch(0, SIG), *called(1, "c1"), TextDelta("A"), CALLS]
    assert inner(plain(chunk(*parts, finish="STOP"), request)) == expected
    assert inner(streamed(*(chunk(part) for part in parts), chunk(finish="STOP"), request=request)) == expected


GROUNDED = {
    "webSearchQueries": ["rain"],
    "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
    "groundingSupports": [{"segment": {"endIndex": 2}, "groundingChunkIndices": [0]}],
}


def test_searches_and_citations_come_at_the_end_before_a_signature_of_the_text() -> None:
    events = read({"text": "Wet"}, {"text": "", "thoughtSignature": "SIG"}, groundingMetadata=GROUNDED)
    searched = {
        "type": "search",
        "query": "rain",
        "queries": ["rain"],
        "sources": [{"type": "url", "url": "https://a.example"}],
    }
    assert events == [
        TextDelta("Wet"),
        SearchBegun(0),
        SearchDone(0, searched),
        CitationAdded("https://a.example", "A", 0, 2),
        *stretch(1, SIG),
        STOP,
    ]


def test_the_last_grounding_replaces_earlier_ones() -> None:
    earlier = chunk({"text": "Wet"}, groundingMetadata={"webSearchQueries": ["old"]})
    events = inner(streamed(earlier, chunk(finish="STOP", groundingMetadata=GROUNDED), chunk(groundingMetadata={})))
    assert [event.action["query"] for event in events if isinstance(event, SearchDone)] == ["rain"]


def test_offsets_count_from_the_last_message() -> None:
    cited = {
        **GROUNDED,
        "groundingSupports": [{"segment": {"startIndex": 4, "endIndex": 7}, "groundingChunkIndices": [0]}],
    }
    events = read({"text": "One."}, call(id="c1"), {"text": "Two."}, groundingMetadata=cited)
    assert [event for event in events if isinstance(event, CitationAdded)] == [
        CitationAdded("https://a.example", "A", 0, 3)
    ]


def test_indices_of_a_plain_answer_count_from_its_parts() -> None:
    cited = {
        **GROUNDED,
        "groundingSupports": [{"segment": {"partIndex": 2, "endIndex": 3}, "groundingChunkIndices": [0]}],
    }
    parts = ({"text": "Hm", "thought": True}, {"text": "One."}, {"text": "Two."})
    events = inner(plain(chunk(*parts, finish="STOP", groundingMetadata=cited)))
    assert [event for event in events if isinstance(event, CitationAdded)] == [
        CitationAdded("https://a.example", "A", 4, 7)
    ]


def token(text: str, value: Any = None) -> dict[str, Any]:
    return {"token": text} if value is None else {"token": text, "logProbability": value}


def test_log_probabilities_go_with_the_text_that_comes_next() -> None:
    result = {"chosenCandidates": [token("ü", -0.5), token("!")], "topCandidates": [{"candidates": [token("u", -1)]}]}
    actual = (
        {
            "token": "ü",
            "logprob": -0.5,
            "bytes": [195, 188],
            "top_logprobs": [{"token": "u", "logprob": -1.0, "bytes": [117]}],
        },
        {"token": "!", "logprob": 0.0, "bytes": [33], "top_logprobs": []},
    )
    assert read({"text": "ü!"}, logprobsResult=result)[0] == TextDelta("ü!")
    events = inner(streamed(chunk(logprobsResult=result), chunk({"text": "ü!"}), chunk({"text": "?"}, finish="STOP")))
    assert events == [TextDelta("ü!", 0, actual), TextDelta("?"), STOP]


@pytest.mark.parametrize(
    "candidate",
    [
        {"content": 7},
        {"content": []},
        {"content": {"parts": {}}},
        {"content": {"parts": [7]}},
        {"content": {"parts": [{"text": 7}]}},
        {"content": {"parts": [{"text": "A", "thoughtSignature": 7}]}},
        {"content": {"parts": [{"functionCall": 7}]}},
        {"content": {"parts": [{"functionCall": {}}]}},
        {"content": {"parts": [{"functionCall": {"name": 7}}]}},
        {"content": {"parts": [{"functionCall": {"name": "f", "args": []}}]}},
        {"content": {"parts": [{"inlineData": 7}]}},
        {"content": {"parts": [{"inlineData": {"mimeType": 7}}]}},
        {"groundingMetadata": []},
        {"finishReason": 7},
        {"finishReason": []},
        {"logprobsResult": {"chosenCandidates": 7}},
        {"logprobsResult": {"chosenCandidates": [7]}},
        {"logprobsResult": {"chosenCandidates": [{"token": 7}]}},
        {"logprobsResult": {"chosenCandidates": [{"token": "a", "logProbability": "x"}]}},
        {"logprobsResult": {"chosenCandidates": [{"token": "a", "logProbability": True}]}},
        {"logprobsResult": {"topCandidates": [{"candidates": {}}], "chosenCandidates": [token("a")]}},
    ],
)
def test_wrong_types_are_malformed(candidate: dict[str, Any]) -> None:
    assert broken({"candidates": [{"finishReason": "STOP", **candidate}]}).malformed


def test_invalid_log_probabilities_are_ignored() -> None:
    assert read({"text": "A"}, logprobsResult=None) == read({"text": "A"}, logprobsResult={}) == [TextDelta("A"), STOP]


SIGNED = {"text": "", "thoughtSignature": "S" * 1024}
TOKENS = {"chosenCandidates": [token("a")] * 1000}


@pytest.mark.parametrize(
    ("most", "more"),
    [
        ([chunk(*[call()] * 10_000, finish="STOP")], [chunk(call())]),
        ([chunk(*[{"text": "A"}, *[SIGNED] * 8192], finish="STOP")], [chunk({"text": "", "thoughtSignature": "S"})]),
        (
            [chunk(finish="STOP", logprobsResult=TOKENS)] * 100,
            [chunk(logprobsResult={"chosenCandidates": [token("a")]})],
        ),
    ],
)
def test_an_answer_without_end_is_malformed(most: list[Any], more: list[Any]) -> None:
    streamed(*most)
    assert broken(*most, *more).malformed
