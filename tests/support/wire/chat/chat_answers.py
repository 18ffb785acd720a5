"""Answers of chat upstreams, and the events that are read from them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.answer import (
    AnswerBegun,
    AnswerEnded,
    AnswerEvent,
    CallBegun,
)
from app.wire.canonical import CanonicalRequest, Target, WebSearchTool
from app.wire.chat.answer_reader import ChatAnswerReader
from app.wire.exchange import AnswerError
from domain.usage import Usage
from tests.support.wire.streams import chunk

TARGET = Target(upstream="up", model="vendor", max_output_tokens=100)
USAGE = Usage(input=15, cached_input=5, output=7, reasoning=3)


def reader(*, choices: int = 1, search: bool = False) -> ChatAnswerReader:
    tools = (WebSearchTool(),) if search else ()
    return ChatAnswerReader(
        CanonicalRequest(endpoint="responses", model="m", items=(), choices=choices, tools=tools), TARGET
    )


def read(*frames: Any, **options: Any) -> list[AnswerEvent]:
    """All events of a stream; what is said in several frames at once comes in their order."""
    one = reader(**options)
    events: list[AnswerEvent] = []
    for result in frames:
        data = result.encode() if isinstance(result, str) else json.dumps(result).encode()
        events += one.frame("", data)
    events += one.end()
    assert one.continuation() is None
    assert one.end() == one.frame("", b"more") == []
    return events


def delta(finish: str | None = None, **members: Any) -> dict[str, Any]:
    result = chunk(finish=finish)
    result["choices"][0]["delta"] = members
    return result


def inner(*frames: Any, **options: Any) -> list[AnswerEvent]:
    """What one choice says between its beginning and its finish."""
    events = read(*frames, "[DONE]", **options)
    assert isinstance(events[0], AnswerBegun)
    assert isinstance(events[-1], AnswerEnded)
    return events[1:-2]


def call(index: int | None = None, call_id: str | None = None, name: str | None = None, arguments: Any = None) -> Any:
    """A call's delta with the members that are given."""
    function = {"name": name, "arguments": arguments}
    result = {
        "index": index,
        "id": call_id,
        "function": {key: value for key, value in function.items() if value is not None},
    }
    return {key: value for key, value in result.items() if value is not None}


def fault(*frames: Any, **options: Any) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        read(*frames, **options)
    return caught.value


A, B = CallBegun(0, "a", "f"), CallBegun(1, "b", "g")


def citation(start: Any, end: Any, url: Any = "https://a.example/", title: Any = "A") -> dict[str, Any]:
    place = {"url": url, "title": title, "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": place}


def choices(*raw: Any) -> dict[str, Any]:
    return {**chunk(), "choices": list(raw)}
