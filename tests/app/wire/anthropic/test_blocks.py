from __future__ import annotations

from typing import Any

import pytest

from app.wire import tags
from app.wire.answer import (
    CallBegun,
    CallDelta,
    CallDone,
    CitationAdded,
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    SearchBegun,
    SearchDone,
    TextDelta,
)
from app.wire.anthropic.seals import seal_redacted, seal_thinking
from app.wire.canonical import TextFormat
from tests.support.wire.anthropic.anthropic_answers import (
    SEARCHING,
    STOP,
    answered,
    block,
    broken,
    call,
    delta,
    events_of,
    found,
    read,
    reason,
    said,
    search,
    start,
    stop,
    text,
)
from tests.support.wire.anthropic.anthropic_requests import OLD, make_request, target


def citation(url: Any, title: Any = "T") -> dict[str, Any]:
    return {"type": "web_search_result_location", "url": url, "title": title, "cited_text": "c", "encrypted_index": "e"}


def cited(index: int, words: str, *citations: Any) -> list[dict[str, Any]]:
    deltas = [delta(index, "citations_delta", citation=each) for each in citations]
    return [block(index, "text", text="", citations=[]), *deltas, delta(index, "text_delta", text=words), stop(index)]


def searched(key: int, query: str, *urls: str, failed: bool = False) -> SearchDone:
    sources = [{"type": "url", "url": url} for url in urls]
    return SearchDone(key, {"type": "search", "query": query, "queries": [query], "sources": sources}, failed)


# -- Text and citations ---------------------------------------------------------------------------------------------------


def test_text_is_emitted_as_it_arrives() -> None:
    assert events_of(*text(0, "Hel", "", "lo")) == [TextDelta("Hel"), TextDelta("lo")]


def test_a_block_may_begin_with_text() -> None:
    assert events_of(block(0, "text", text="Hi"), stop(0)) == [TextDelta("Hi")]
    assert events_of(block(0, "text", text=None), block(1, "text"), stop(0), stop(1)) == []


def test_a_citation_covers_its_block_counted_in_code_points() -> None:
    events = events_of(*text(0, "\U0001f600\u00e9 "), *cited(1, "\U0001f4f0!", citation("https://a")), *text(2, "."))
    assert said(events) == "\U0001f600\u00e9 \U0001f4f0!."
    assert [event for event in events if isinstance(event, CitationAdded)] == [CitationAdded("https://a", "T", 3, 5)]


def test_a_source_is_cited_once_per_block() -> None:
    events = events_of(*cited(0, "x", citation("https://a"), citation("https://a"), citation("https://b", None)))
    assert events == [
        TextDelta("x"),
        CitationAdded("https://a", "T", 0, 1),
        CitationAdded("https://b", "https://b", 0, 1),
    ]


def test_a_whole_block_has_its_citations() -> None:
    events = events_of(block(0, "text", text="x", citations=[citation("https://a")]), stop(0))
    assert events == [TextDelta("x"), CitationAdded("https://a", "T", 0, 1)]


@pytest.mark.parametrize("odd", [None, "x", [], {"type": "page_location"}, citation(None), citation(7), citation("")])
def test_a_citation_without_a_url_is_left_out(odd: Any) -> None:
    assert events_of(*cited(0, "x", odd)) == [TextDelta("x")]


def test_a_block_without_text_is_not_cited() -> None:
    assert events_of(*cited(0, "", citation("https://a"))) == []


def test_offsets_restart_with_each_message() -> None:
    events = events_of(*text(0, "abc"), *call(1, "f"), *cited(2, "x", citation("https://a")))
    assert events[-1] == CitationAdded("https://a", "T", 0, 1)


def test_a_block_interrupted_by_a_call_is_not_cited() -> None:
    opened = block(0, "text", text="abc", citations=[citation("https://a")])
    assert not any(isinstance(event, CitationAdded) for event in events_of(opened, *call(1, "f"), stop(0)))


# -- Thinking -------------------------------------------------------------------------------------------------------------


def test_thinking_is_sealed_with_its_signature() -> None:
    events = events_of(
        block(0, "thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="Hm"),
        delta(0, "thinking_delta", thinking=""),
        delta(0, "thinking_delta", thinking="."),
        delta(0, "signature_delta", signature="sig"),
        stop(0),
        *text(1, "Yes."),
    )
    sealed = seal_thinking("up", "Hm.", "sig")
    assert events == [
        ReasoningBegun(0),
        ReasoningDelta(0, "Hm"),
        ReasoningDelta(0, "."),
        ReasoningDone(0, sealed),
        TextDelta("Yes."),
    ]
    assert tags.unseal(sealed, "up") is not None


def test_whole_thinking() -> None:
    events = events_of(block(0, "thinking", thinking="Hm.", signature="sig"), stop(0))
    assert events == [ReasoningBegun(0), ReasoningDelta(0, "Hm."), ReasoningDone(0, seal_thinking("up", "Hm.", "sig"))]


def test_hidden_thinking_is_sealed_too() -> None:
    events = events_of(block(0, "thinking", thinking=""), delta(0, "signature_delta", signature="sig"), stop(0))
    assert events == [ReasoningBegun(0), ReasoningDone(0, seal_thinking("up", "", "sig"))]


def test_thinking_without_a_signature_is_not_sealed() -> None:
    assert events_of(block(0, "thinking", thinking="Hm."), stop(0))[-1] == ReasoningDone(0)


def test_redacted_thinking_is_sealed() -> None:
    events = events_of(block(0, "redacted_thinking", data="xyz"), stop(0))
    assert events == [ReasoningBegun(0), ReasoningDone(0, seal_redacted("up", "xyz"))]


# -- Calls ----------------------------------------------------------------------------------------------------------------


def test_parallel_calls_have_keys_of_their_own() -> None:
    events = events_of(*call(0, "f", "", '{"a"', ":1}"), *call(1, "g"))
    assert events == [
        CallBegun(0, "call_0", "f"),
        CallDelta(0, '{"a"'),
        CallDelta(0, ":1}"),
        CallDone(0),
        CallBegun(1, "call_1", "g"),
        CallDone(1),
    ]


def test_interleaved_calls() -> None:
    a, b = call(0, "f", "1"), call(1, "g", "2")
    events = events_of(a[0], b[0], b[1], a[1], a[2], b[2])
    assert events[2:] == [CallDelta(1, "2"), CallDelta(0, "1"), CallDone(0), CallDone(1)]


def test_an_input_that_arrives_whole() -> None:
    events = events_of(block(0, "tool_use", id="t", name="f", input={"a": "\u00e9"}), stop(0))
    assert events == [CallBegun(0, "t", "f"), CallDelta(0, '{"a":"\u00e9"}'), CallDone(0)]


@pytest.mark.parametrize("members", [{"name": "f"}, {"id": "t"}, {"id": "", "name": "f"}, {"id": 3, "name": "f"}])
def test_a_call_without_its_names_is_malformed(members: dict[str, Any]) -> None:
    assert broken(*answered(block(0, "tool_use", input={}, **members))).malformed


# -- The tool that stands for the answer ----------------------------------------------------------------------------------

OPEN = {"type": "object", "additionalProperties": {"type": "string"}}
ANSWERING = make_request(format=TextFormat("json_schema", "answer", schema=OPEN))


def test_the_output_tools_input_is_the_answers_text() -> None:
    events = read(
        start(), *call(0, "json", '{"a":', '"b"}'), reason("tool_use"), STOP, request=ANSWERING, to=target(OLD)
    )
    assert said(events) == '{"a":"b"}'
    assert [getattr(event, "reason", "") for event in events][-2] == "stop"


def test_the_output_tools_whole_input_is_the_answers_text() -> None:
    whole = block(0, "tool_use", id="t", name="json", input={"a": ["b"]})
    assert events_of(whole, stop(0), request=ANSWERING) == [TextDelta('{"a":["b"]}')]


def test_the_output_tools_empty_input_is_the_empty_object() -> None:
    assert events_of(*call(0, "json", ""), request=ANSWERING) == [TextDelta("{}")]


def test_other_calls_next_to_the_output_tool_are_calls() -> None:
    events = read(start(), *call(0, "f"), *call(1, "json", "{}"), reason("tool_use"), STOP, request=ANSWERING)
    assert [getattr(event, "reason", "") for event in events][-2] == "tool_calls"


# -- Searches -------------------------------------------------------------------------------------------------------------


def test_a_search_and_its_results() -> None:
    events = events_of(*search(0, "s0", "news"), *found(1, "s0", "https://a", "https://b"), *text(2, "So."))
    assert events == [SearchBegun(0), searched(0, "news", "https://a", "https://b"), TextDelta("So.")]


def test_a_search_does_not_end_the_message() -> None:
    events = events_of(*text(0, "ab"), *search(1, "s0", "q"), *found(2, "s0"), *cited(3, "cd", citation("https://a")))
    assert events[-1] == CitationAdded("https://a", "T", 2, 4)


def test_a_search_that_failed() -> None:
    error = {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}
    events = events_of(
        *search(0, "s0", "q"), block(1, "web_search_tool_result", tool_use_id="s0", content=error), stop(1)
    )
    assert events == [SearchBegun(0), searched(0, "q", failed=True)]


def test_two_searches_at_once_are_kept_apart() -> None:
    events = events_of(*search(0, "s0", "a"), *search(1, "s1", "b"), *found(2, "s1", "https://b"), *found(3, "s0"))
    assert events == [SearchBegun(0), SearchBegun(1), searched(1, "b", "https://b"), searched(0, "a")]


def test_a_search_without_results_has_failed_at_the_end() -> None:
    assert events_of(*search(0, "s0", "q"), *text(1, "x")) == [
        SearchBegun(0),
        TextDelta("x"),
        searched(0, "q", failed=True),
    ]


@pytest.mark.parametrize("piece", ["", "{", "[]", '{"query":7}', "{}"])
def test_an_unreadable_query_is_empty(piece: str) -> None:
    begun = block(0, "server_tool_use", id="s0", name="web_search")
    events = events_of(begun, delta(0, "input_json_delta", partial_json=piece), stop(0), *found(1, "s0"))
    assert events == [SearchBegun(0), searched(0, "")]


def test_a_query_that_arrives_whole() -> None:
    begun = block(0, "server_tool_use", id="s0", name="web_search", input={"query": "q"})
    assert events_of(begun, stop(0), *found(1, "s0")) == [SearchBegun(0), searched(0, "q")]


def test_results_of_the_wrong_type_are_left_out() -> None:
    results = [None, 1, {}, {"url": 3}, {"url": ""}, {"url": "https://a"}]
    events = events_of(
        *search(0, "s0", "q"), block(1, "web_search_tool_result", tool_use_id="s0", content=results), stop(1)
    )
    assert events[-1] == searched(0, "q", "https://a")


def test_results_without_a_search_are_ignored() -> None:
    assert events_of(*found(0, "s9", "https://a")) == []


def test_searches_with_a_repeated_or_missing_id_are_malformed() -> None:
    assert broken(*answered(*search(0, "s0", "q"), *search(1, "s0", "q")), request=SEARCHING).malformed
    assert broken(*answered(block(0, "server_tool_use", name="web_search"))).malformed
    assert broken(*answered(block(0, "web_search_tool_result", content=[]))).malformed


# -- What is unknown, and what is wrong -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unknown",
    [
        block(0, "server_tool_use", id="s", name="code_execution", input={}),
        block(0, "container_upload", file_id="f"),
        {"type": "content_block_start", "index": 0, "content_block": {}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": ["x"]}},
    ],
)
def test_unknown_blocks_and_their_deltas_are_ignored(unknown: Any) -> None:
    assert events_of(unknown, delta(0, "text_delta", text="x"), delta(0, "new_delta"), stop(0)) == []


@pytest.mark.parametrize("kind", ["text", "thinking", "tool_use", "redacted_thinking"])
def test_unknown_deltas_of_known_blocks_are_ignored(kind: str) -> None:
    opened = block(0, kind, id="t", name="f", data="d")
    grown = [delta(0, "new_delta", text="x"), {"type": "content_block_delta", "index": 0, "delta": {"type": 4}}]
    assert events_of(opened, *grown, stop(0)) == events_of(opened, stop(0))


@pytest.mark.parametrize(
    "events",
    [
        [block(0, "text", text=1)],
        [block(0, "text", citations="x")],
        [block(0, "text"), delta(0, "text_delta", text=[])],
        [block(0, "thinking", thinking={})],
        [block(0, "thinking", signature=1)],
        [block(0, "thinking"), delta(0, "thinking_delta", thinking=1)],
        [block(0, "thinking"), delta(0, "signature_delta", signature=1)],
        [block(0, "redacted_thinking", data=1)],
        [*call(0, "f")[:1], delta(0, "input_json_delta", partial_json={})],
    ],
)
def test_members_of_the_wrong_type_are_malformed(events: list[Any]) -> None:
    assert broken(*answered(*events)).malformed
