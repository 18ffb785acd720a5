"""Recorded answers of Anthropic's models, if present. The expected values were read off the recordings by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from app.wire.answer import (
    AnswerBegun,
    AnswerEnded,
    AnswerEvent,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
    CitationAdded,
    SearchBegun,
    SearchDone,
)
from app.wire.anthropic.answer_reader import AnthropicAnswerReader
from app.wire.canonical import TextFormat
from domain.usage import Usage
from tests.support import paths
from tests.support.wire.anthropic.anthropic_answers import SEARCHING, said
from tests.support.wire.anthropic.anthropic_requests import OLD, make_request, target

RECORDINGS = paths.RECORDINGS / "anthropic"


@dataclass(frozen=True)
class Expected:
    """What a recording says. `text` is (characters, beginning, end), `calls` (id, name, arguments)."""

    id: str
    model: str
    finish: str
    usage: Usage
    text: tuple[int, str, str] = (0, "", "")
    calls: tuple[tuple[str, str, str], ...] = ()
    queries: tuple[str, ...] = ()
    sources: tuple[int, ...] = ()
    cited: tuple[tuple[int, int, str], ...] = ()


def used(input: int, output: int, searches: int = 0) -> Usage:
    return Usage(input=input, output=output, web_search_calls=searches, service_tier="default")


APPLE = "https://www.apple.com/newsroom/2025/09/the-all-new-apple-ginza-opens-this-friday-september-26-in-tokyo/"
FANG = "https://future.forem.com/junyu_fang_a216509a97501d/fang-junyus-technology-weekly-september-26-2025-2ndd"
MAJOR = "https://future.forem.com/om_shree_0709/major-tech-news-september-25-2025-5h38"
BETA = "https://9to5mac.com/2025/09/22/ios-26-1-beta-1/"
CRESCENDO = "https://www.crescendo.ai/news/latest-ai-news-and-updates"
ELEMENTS = '{"elements": [{"location": "San Francisco", "temperature": 58, "condition": "sunny"}]}'
CITIES = (
    '{"elements":[{"location":"San Francisco","temperature":-5,"condition":"snowy"},'
    '{"location":"London","temperature":0,"condition":"snowy"},'
    '{"location":"Paris","temperature":23,"condition":"cloudy"},'
    '{"location":"Berlin","temperature":-9,"condition":"snowy"}]}'
)
HELLO = "Hello! I'm doing well, thank"
HELP = "Is there anything I can help you with?"

EXPECTED = {
    "anthropic-text.chunks.txt": Expected(
        "msg_01QC4g3HwBThD4BaNtBckFDJ", "claude-sonnet-4-5-20250929", "stop", used(12, 30), (108, f"{HELLO} you", HELP)
    ),
    "anthropic-text.json": Expected(
        "msg_01VdEjxAP5ahtHKrrRdNBteQ", "claude-sonnet-4-5-20250929", "stop", used(12, 29), (105, f"{HELLO}s", HELP)
    ),
    "anthropic-json-tool.1.chunks.txt": Expected(
        "msg_01K2JbSUMYhez5RHoK9ZCj9U",
        "claude-haiku-4-5-20251001",
        "tool_calls",
        used(849, 47),
        calls=(("call_01KFbKqPYSuAKujiL6mTfzYA", "json", ELEMENTS),),
    ),
    "anthropic-json-tool.1.json": Expected(
        "msg_0191iYfpERYfS27xLsdW2nbb",
        "claude-haiku-4-5-20251001",
        "tool_calls",
        used(1151, 87),
        calls=(("call_01Q9ExVZnzZj7E2QQYHYtNUa", "json", CITIES),),
    ),
    "anthropic-refusal.chunks.txt": Expected(
        "msg_01RefusalStreamAbcdefghijk", "claude-fable-5", "content_filter", used(18, 5)
    ),
    "anthropic-refusal.json": Expected(
        "msg_01RefusalExampleAbcdefghijk", "claude-fable-5", "content_filter", used(18, 5)
    ),
    "anthropic-tool-no-args.chunks.txt": Expected(
        "msg_01GE2RKp1VYsPzdFs3sS9z5S",
        "claude-sonnet-4-5-20250929",
        "tool_calls",
        used(565, 48),
        (35, "I'll update the issue list", "for you."),
        (("call_01QE1WLsSVp5hy5Q3GmGTmjP", "updateIssueList", ""),),
    ),
    "anthropic-tool-no-args.json": Expected(
        "msg_01GCBaV8gyWAYgMVggRqZbuQ",
        "claude-3-opus-20240229",
        "tool_calls",
        used(602, 93),
        (255, "<thinking>\nThe updateIssueList", "update the current issue list:"),
        (("call_01LRmxn9vGM1d2DZSDBowdZ1", "updateIssueList", ""),),
    ),
    "anthropic-web-search-tool.1.chunks.txt": Expected(
        "msg_01LHpEgU4KbfgXGVi3UtHQY1",
        "claude-sonnet-4-20250514",
        "stop",
        used(15665, 795, 1),
        (2402, "Based on my search results, here", "their first international retail expansion."),
        queries=("tech news today September 26 2025",),
        sources=(10,),
        cited=(
            (116, 375, APPLE),
            (376, 601, APPLE),
            (635, 913, FANG),
            (915, 1254, FANG),
            (1308, 1531, MAJOR),
            (1559, 1741, MAJOR),
            (1744, 1834, MAJOR),
            (1837, 1998, MAJOR),
            (2022, 2182, BETA),
        ),
    ),
    "anthropic-web-search-tool.1.json": Expected(
        "msg_01PHHrjzLH4teUMhgkGgqYYc",
        "claude-sonnet-4-20250514",
        "stop",
        used(27118, 600, 2),
        (1874, "Let me search for more specific tech news", "stories from September 26, 2024."),
        queries=("tech news today September 26 2024", '"September 26 2024" tech news breaking'),
        sources=(10, 0),
        cited=((237, 431, "https://acecomments.mu.nu/?post=411647"), (687, 943, CRESCENDO), (947, 1338, CRESCENDO)),
    ),
}
PRESENT = [name for name in EXPECTED if (RECORDINGS / name).exists()]


def read(name: str, one: AnthropicAnswerReader) -> list[AnswerEvent]:
    data = (RECORDINGS / name).read_bytes()
    if name.endswith(".json"):
        return one.whole(data)
    return [event for line in data.splitlines() for event in one.frame("", line)] + one.end()


def calls_of(events: Iterable[Any]) -> dict[int, tuple[str, str, str]]:
    calls: dict[int, tuple[str, str, str]] = {}
    for event in events:
        if isinstance(event, CallBegun):
            calls[event.key] = event.call_id, event.name, ""
        elif isinstance(event, CallDelta):
            call_id, name, arguments = calls[event.key]
            calls[event.key] = call_id, name, arguments + event.text
    return calls


@pytest.mark.parametrize("name", PRESENT)
def test_a_recording_is_read_as_expected(name: str) -> None:
    events, expected = read(name, AnthropicAnswerReader(SEARCHING, target())), EXPECTED[name]
    length, beginning, end = expected.text
    text = said(events)
    assert events[0] == AnswerBegun(expected.id, expected.model, "default")
    assert (len(text), text[: len(beginning)], text[len(text) - len(end) :]) == (length, beginning, end)
    assert tuple(calls_of(events).values()) == expected.calls
    assert [event.key for event in events if isinstance(event, CallDone)] == list(calls_of(events))
    assert [getattr(event, "reason", None) for event in events[-2:]] == [expected.finish, None]
    assert events[-1] == AnswerEnded(expected.usage, "default")


@pytest.mark.parametrize("name", PRESENT)
def test_searches_and_citations_of_a_recording(name: str) -> None:
    events, expected = read(name, AnthropicAnswerReader(SEARCHING, target())), EXPECTED[name]
    done = [event for event in events if isinstance(event, SearchDone)]
    assert [event.key for event in events if isinstance(event, SearchBegun)] == [event.key for event in done]
    assert tuple(event.action["query"] for event in done) == expected.queries
    assert tuple(len(event.action["sources"]) for event in done) == expected.sources
    assert not any(event.failed for event in done)
    assert (
        tuple((event.start, event.end, event.url) for event in events if isinstance(event, CitationAdded))
        == expected.cited
    )


@pytest.mark.parametrize("name", [name for name in PRESENT if "json-tool" in name])
def test_the_input_of_the_output_tool(name: str) -> None:
    """The same recording, as if the gateway itself had requested the tool."""
    request = make_request(
        format=TextFormat("json_schema", "answer", schema={"type": "object", "properties": {"elements": {}}})
    )
    events = read(name, AnthropicAnswerReader(request, target(OLD)))
    assert said(events) == EXPECTED[name].calls[0][2]
    assert events[-2] == ChoiceFinished("stop")
    assert not calls_of(events)
