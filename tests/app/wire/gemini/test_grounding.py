"""Queries, sources and citations."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.answer import CitationAdded
from app.wire.exchange import AnswerError
from app.wire.gemini.grounding import AnswerText, actions, citations, queries

TEXT = "Zürich 🌧 now"  # bytes: Z0 ü1-2 r3 i4 c5 h6 _7 🌧8-11 _12 n13 o14 w15, 16 in all; code points: 🌧 is 7, w is 11
A = {"web": {"uri": "https://a.example", "title": "A"}}
B = {"web": {"uri": "https://b.example"}}


def support(*indices: Any, **segment: Any) -> dict[str, Any]:
    return {"segment": segment, "groundingChunkIndices": list(indices)}


def cited(
    *supports: Any, chunks: Any = (A, B), text: str = TEXT, message: int = 0, **parts: int
) -> list[tuple[str, int, int]]:
    metadata = {"groundingChunks": list(chunks), "groundingSupports": list(supports)}
    answer = AnswerText(text.encode(), message, {int(name[1:]): at for name, at in parts.items()})
    return [(found.title, found.start, found.end) for found in citations(metadata, answer, 0)]


def all_of(metadata: dict[str, Any]) -> None:
    actions(metadata)
    citations(metadata, AnswerText(b"abc", 0, {}), 0)


def test_queries_are_distinct_and_not_empty() -> None:
    assert queries({"webSearchQueries": ["rain", "", " ", "rain", 7, None, "snow"]}) == ["rain", "snow"]
    assert queries({}) == queries({"webSearchQueries": "rain"}) == []


def test_each_query_is_a_search_and_the_first_has_the_sources() -> None:
    metadata = {
        "webSearchQueries": ["rain", "snow"],
        "groundingChunks": [A, B, A, {"maps": {}}, 7, {"web": {"uri": ""}}],
    }
    assert actions(metadata) == [
        {
            "type": "search",
            "query": "rain",
            "queries": ["rain"],
            "sources": [{"type": "url", "url": "https://a.example"}, {"type": "url", "url": "https://b.example"}],
        },
        {"type": "search", "query": "snow", "queries": ["snow"], "sources": []},
    ]
    assert actions({"groundingChunks": [A]}) == []


def test_a_citation_has_a_url_a_title_and_a_choice() -> None:
    metadata = {"groundingChunks": [A, B], "groundingSupports": [support(0, 1, endIndex=7)]}
    assert citations(metadata, AnswerText(TEXT.encode(), 0, {}), 3) == [
        CitationAdded("https://a.example", "A", 0, 6, 3),
        CitationAdded("https://b.example", "https://b.example", 0, 6, 3),
    ]


@pytest.mark.parametrize(
    ("segment", "span"),
    [
        ({"endIndex": 7}, (0, 6)),
        ({"startIndex": 8, "endIndex": 12}, (7, 8)),
        ({"startIndex": 3, "endIndex": 16}, (2, 12)),
        ({"startIndex": 2, "endIndex": 7}, (1, 6)),  # inside the ü: from its beginning
        ({"startIndex": 9, "endIndex": 11}, None),  # inside the cloud: no text at all
        ({"startIndex": 8, "endIndex": 10**9}, (7, 12)),
        ({"startIndex": -5, "endIndex": 7}, (0, 6)),
        ({"startIndex": 2**40, "endIndex": 7}, (0, 6)),
        ({"startIndex": 7, "endIndex": 7}, None),
        ({"startIndex": 12, "endIndex": 7}, None),
        ({"startIndex": "3", "endIndex": True}, None),
        ({"startIndex": 10**9, "endIndex": 10**9}, None),
        ({}, None),
    ],
)
def test_bytes_become_code_points(segment: dict[str, Any], span: tuple[int, int] | None) -> None:
    assert cited(support(0, **segment)) == ([] if span is None else [("A", *span)])


def test_missing_sources_are_left_out() -> None:
    maps = {"maps": {"uri": "https://m.example"}}
    found = cited(support(7, -1, True, "0", None, 2, 1, 1, endIndex=1), chunks=[A, B, maps])
    assert found == [("https://b.example", 0, 1)]


@pytest.mark.parametrize(
    "broken", [7, None, {}, {"segment": 7, "groundingChunkIndices": [0]}, {"groundingChunkIndices": 0}]
)
def test_an_invalid_support_is_left_out(broken: Any) -> None:
    assert cited(broken, support(0, endIndex=1)) == [("A", 0, 1)]


def test_indices_count_from_the_part_that_is_named() -> None:
    assert cited(support(0, partIndex=2, startIndex=0, endIndex=3), text="One. Two. Six.", p0=0, p2=5) == [("A", 5, 8)]
    assert cited(support(0, partIndex=1, startIndex=0, endIndex=3), text="One. Two. Six.", p0=0, p2=5) == [("A", 0, 3)]


def test_the_segments_text_shows_what_indices_are_relative_to() -> None:
    actual = support(0, partIndex=2, startIndex=5, endIndex=8, text="Two")
    assert cited(actual, text="One. Two. Six.", p0=0, p2=5) == [("A", 5, 8)]
    actual = support(0, startIndex=0, endIndex=3, text="Six")
    assert cited(actual, text="One. Two. Six.", message=10) == [("A", 0, 3)]


def test_a_citation_belongs_to_the_last_message() -> None:
    text = "Zü. Two. Six."
    first, across, last = support(0, endIndex=3), support(0, endIndex=9), support(0, startIndex=5, endIndex=8)
    assert cited(first, across, last, text=text, message=5) == [("A", 0, 4), ("A", 0, 3)]


@pytest.mark.parametrize(
    "metadata",
    [
        {"webSearchQueries": [str(number) for number in range(101)]},
        {"groundingChunks": [A] * 1001, "webSearchQueries": ["rain"]},
        {"groundingChunks": [A], "groundingSupports": [support(0, endIndex=1)] * 1001},
    ],
)
def test_too_many_citations_are_malformed(metadata: dict[str, Any]) -> None:
    with pytest.raises(AnswerError) as caught:
        all_of(metadata)
    assert caught.value.malformed


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(-3, 90), st.integers(-3, 90)), max_size=5), st.data())
def test_any_span_stays_within_the_message(text: str, spans: list[tuple[int, int]], data: st.DataObject) -> None:
    begun = data.draw(st.integers(0, len(text)))
    supports = [support(0, startIndex=start, endIndex=end) for start, end in spans]
    for _, start, end in cited(*supports, text=text, message=len(text[:begun].encode())):
        assert 0 <= start < end <= len(text) - begun
