"""Recorded answers, if present. The expected values were read off them by hand."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.answer import (
    AnswerEnded,
    AnswerEvent,
    CallBegun,
    CallDelta,
    ChoiceFinished,
    CitationAdded,
    ImageDone,
    ImagePartial,
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    SearchDone,
    TextDelta,
)
from app.wire.exchange import AnswerError
from app.wire.tags import seal
from domain.usage import Usage
from tests.app.wire.test_recordings import present
from tests.support.paths import RECORDINGS
from tests.support.wire.responses.upstream_events import reader


def recorded(name: str) -> list[AnswerEvent]:
    path = RECORDINGS / "responses" / name
    if name.endswith(".json"):
        return reader().whole(path.read_bytes())
    read = reader()
    return [event for line in path.read_bytes().splitlines() for event in read.frame("", line)]


def joined(events: list[AnswerEvent], kind: type[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, kind))


def count(events: list[AnswerEvent], kind: type[Any]) -> int:
    return sum(isinstance(event, kind) for event in events)


def recording(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not present([f"responses/{name}"]), reason="no recordings")


@recording("openai-custom-tool.1.json")
@pytest.mark.parametrize("form", ["json", "chunks.txt"])
def test_recorded_custom_tool(form: str) -> None:
    events = recorded(f"openai-custom-tool.1.{form}")
    assert CallBegun(0, "call_custom_sql_001", "write_sql", "custom") in events
    assert joined(events, CallDelta) == "SELECT * FROM users WHERE age > 25"
    assert [event for event in events if isinstance(event, ChoiceFinished)] == [ChoiceFinished("tool_calls")]


@recording("openai-pdf-input-file.1.json")
@pytest.mark.parametrize("form", ["json", "chunks.txt"])
def test_recorded_text(form: str) -> None:
    events = recorded(f"openai-pdf-input-file.1.{form}")
    assert joined(events, TextDelta) == "Dummy PDF file"
    assert events[-2:] == [
        ChoiceFinished("stop"),
        AnswerEnded(Usage(input=44, output=4, service_tier="default"), "default"),
    ]


@recording("openai-reasoning-encrypted-content.1.chunks.txt")
def test_recorded_reasoning_and_call() -> None:
    """Four answers in one file: the first of them is read."""
    events = recorded("openai-reasoning-encrypted-content.1.chunks.txt")
    assert joined(events, ReasoningDelta).startswith("**Calculating step-by-step using calculator**\n\nI'll compute ")
    sealed = next(event.sealed for event in events if isinstance(event, ReasoningDone))
    assert sealed is not None
    assert sealed.startswith(seal("up", "gAAAAABpPDIVOKrsHNZ0"))
    assert CallBegun(1, "call_AB6AaRZ1FYZB2RwS6A5vbdqn", "calculator") in events
    assert joined(events, CallDelta) == '{"a":12,"b":7,"op":"add"}'
    assert events[-1] == AnswerEnded(Usage(input=134, output=28, service_tier="default"), "default")


@recording("openai-web-search-tool.1.chunks.txt")
def test_recorded_searches() -> None:
    events = recorded("openai-web-search-tool.1.chunks.txt")
    actions = [event.action["type"] for event in events if isinstance(event, SearchDone)]
    assert actions == ["search", "search", "open_page", "find_in_page", "find_in_page", "find_in_page"]
    assert (count(events, ReasoningBegun), count(events, CitationAdded)) == (7, 12)
    first = next(event for event in events if isinstance(event, CitationAdded))
    assert (first.start, first.end) == (277, 411)
    assert first.title == "Petco confirms security lapse exposed customers\u2019 personal data | TechCrunch"
    ended = events[-1]
    assert isinstance(ended, AnswerEnded)
    assert ended.usage == Usage(27361, 3712, output=4416, reasoning=3712, web_search_calls=2, service_tier="default")


@recording("openai-image-generation-tool.1.chunks.txt")
def test_recorded_image() -> None:
    events = recorded("openai-image-generation-tool.1.chunks.txt")
    assert (count(events, ImagePartial), count(events, ImageDone), count(events, TextDelta)) == (1, 1, 0)
    image = next(event for event in events if isinstance(event, ImageDone))
    assert image.data.startswith("UklGRuIWGQBXRUJQVlA4TKAwGAAv")
    assert (image.details["size"], image.details["quality"]) == ("1536x1024", "low")


@recording("openai-error.1.chunks.txt")
def test_recorded_error() -> None:
    with pytest.raises(AnswerError) as caught:
        recorded("openai-error.1.chunks.txt")
    assert (caught.value.code, caught.value.type) == ("insufficient_quota", "insufficient_quota")
