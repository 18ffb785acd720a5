"""Reads the data that Google Search added to an answer: queries, sources, and which source supports which text.

Shape: groundingMetadata {"webSearchQueries": [text], "groundingChunks": [{"web": {"uri", "title"}}], "groundingSupports":
[{"segment": {"partIndex", "startIndex", "endIndex", "text"}, "groundingChunkIndices": [int]}]}. Indices are UTF-8 byte offsets from
the start of a part, or, in a stream (whose parts come in pieces), from the start of all text. Zeros are omitted.

Rule 1: each distinct non-empty query is one search. Google bills its newest models this way, and clients pay for the searches that
        they see. Google bills older models per answer, but their searches are counted in the same way here. Sources do not belong
        to a particular query: the first search lists them.
Rule 2: out-of-range indices are clamped to the text, and to whole characters.
Rule 3: citations belong to the answer's last message. Citations of earlier text, or of no text, are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from app.wire.answer import CitationAdded
from app.wire.relay import malformed

QUERIES_MAX: Final = 100
SOURCES_MAX: Final = 1_000
CITATIONS_MAX: Final = 1_000
_INDEX_MAX: Final = 2**31 - 1


class Source(NamedTuple):
    url: str
    title: str


class AnswerText(NamedTuple):
    """All text of a choice, the start of its last message, and the start of each part, as byte offsets."""

    text: bytes
    message: int
    parts: Mapping[int, int]


def queries(metadata: Mapping[str, Any]) -> list[str]:
    """The distinct queries, in order."""
    found = [query for query in _list(metadata, "webSearchQueries") if isinstance(query, str) and query.strip()]
    return _bounded(list(dict.fromkeys(found)), QUERIES_MAX)


def actions(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One search action for each query, in OpenAI's shape."""
    urls = dict.fromkeys(source.url for source in _sources(metadata) if source is not None)
    sources = [{"type": "url", "url": url} for url in urls]
    return [
        {"type": "search", "query": query, "queries": [query], "sources": [] if number else sources}
        for number, query in enumerate(queries(metadata))
    ]


def citations(metadata: Mapping[str, Any], answer: AnswerText, choice: int) -> list[CitationAdded]:
    """Citations of the last message, in the order of the supports."""
    sources = _sources(metadata)
    spans: list[tuple[tuple[int, int], Source]] = []
    for support in _list(metadata, "groundingSupports"):
        span = _span(_object(_object(support), "segment"), answer)
        spans += [(span, source) for source in _supporting_sources(_object(support), sources)]
        _bounded(spans, CITATIONS_MAX)
    places = _code_points(answer.text[answer.message :], {edge for span, _ in spans for edge in span})
    return [
        CitationAdded(source.url, source.title, places[start], places[end], choice)
        for (start, end), source in spans
        if places[start] < places[end]
    ]


def _sources(metadata: Mapping[str, Any]) -> list[Source | None]:
    """The sources in order, with None for chunks that are not web pages."""
    chunks = _bounded(_list(metadata, "groundingChunks"), SOURCES_MAX)
    return [_source(_object(_object(chunk), "web")) for chunk in chunks]


def _source(web: Mapping[str, Any]) -> Source | None:
    url, title = web.get("uri"), web.get("title")
    if not isinstance(url, str) or not url:
        return None
    return Source(url, title if isinstance(title, str) and title else url)


def _supporting_sources(support: Mapping[str, Any], sources: list[Source | None]) -> Iterable[Source]:
    indices = [index for index in _list(support, "groundingChunkIndices") if type(index) is int]
    found = (sources[index] for index in dict.fromkeys(indices) if 0 <= index < len(sources))
    return (source for source in found if source is not None)


def _span(segment: Mapping[str, Any], answer: AnswerText) -> tuple[int, int]:
    """A segment's place in the last message, in bytes. Whether its indices are relative to the part or to all text is decided by
    the
        segment's text."""
    start, end = _index(segment, "startIndex"), _index(segment, "endIndex")
    text = segment.get("text")
    quoted = text.encode() if isinstance(text, str) else None
    bases = (answer.parts.get(_index(segment, "partIndex"), 0), 0, answer.message)
    fits = (base for base in bases if answer.text[base + start : base + end] == quoted)
    offset = next(fits, bases[0]) - answer.message
    return max(0, start + offset), max(0, end + offset)


def _code_points(text: bytes, offsets: set[int]) -> dict[int, int]:
    """Byte offsets as code points, in one pass. An offset inside a character becomes the start of that character."""
    places: dict[int, int] = {}
    done = points = 0
    for offset in sorted(offsets):
        place = min(offset, len(text))
        while place > 0 and text[place : place + 1] and text[place] & 0xC0 == 0x80:
            place -= 1
        points += len(text[done:place].decode())
        done = place
        places[offset] = points
    return places


def _index(segment: Mapping[str, Any], name: str) -> int:
    value = segment.get(name)
    return value if type(value) is int and 0 <= value <= _INDEX_MAX else 0


def _list(holder: Mapping[str, Any], name: str) -> list[Any]:
    value = holder.get(name)
    return value if isinstance(value, list) else []


def _object(holder: Any, name: str | None = None) -> Mapping[str, Any]:
    value = holder if name is None else holder.get(name)
    return value if isinstance(value, dict) else {}


def _bounded(found: list[Any], limit: int) -> list[Any]:
    if len(found) > limit:
        malformed("The answer contains too many searches, sources or citations.")
    return found
