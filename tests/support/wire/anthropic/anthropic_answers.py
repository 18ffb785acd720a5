"""Short forms for Anthropic's stream events, and for reading them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from app.wire.answer import AnswerEvent, TextDelta
from app.wire.anthropic.answer_reader import AnthropicAnswerReader
from app.wire.canonical import CanonicalRequest, Target, WebSearchTool
from app.wire.exchange import AnswerError
from tests.support.wire.anthropic.anthropic_requests import make_request, target

SEARCHING = make_request(tools=(WebSearchTool(at="tools[0]"),))
START_USAGE = {"input_tokens": 10, "output_tokens": 1}
END_USAGE = {"output_tokens": 7}


def start(**members: Any) -> dict[str, Any]:
    return {"type": "message_start", "message": {"id": "msg_1", "model": "claude-x", "usage": START_USAGE, **members}}


def block(index: int, kind: str, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **members}}


def delta(index: int, kind: str, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **members}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def reason(raw: str | None, usage: Any = END_USAGE, **members: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": raw, "stop_sequence": None, **members}, "usage": usage}


PING = {"type": "ping"}
STOP = {"type": "message_stop"}


def text(index: int, *pieces: str) -> list[dict[str, Any]]:
    deltas = [delta(index, "text_delta", text=piece) for piece in pieces]
    return [block(index, "text", text=""), *deltas, stop(index)]


def call(index: int, name: str, *pieces: str) -> list[dict[str, Any]]:
    deltas = [delta(index, "input_json_delta", partial_json=piece) for piece in pieces]
    return [block(index, "tool_use", id=f"toolu_{index}", name=name, input={}), *deltas, stop(index)]


def search(index: int, name: str, query: str) -> list[dict[str, Any]]:
    piece = json.dumps({"query": query})
    begun = block(index, "server_tool_use", id=name, name="web_search", input={})
    return [begun, delta(index, "input_json_delta", partial_json=piece), stop(index)]


def found(index: int, name: str, *urls: str) -> list[dict[str, Any]]:
    results = [{"type": "web_search_result", "url": url, "title": "T", "encrypted_content": "E"} for url in urls]
    return [block(index, "web_search_tool_result", tool_use_id=name, content=results), stop(index)]


def answered(*events: Any) -> list[Any]:
    """A whole turn that ends well, around these events."""
    return [start(), *events, reason("end_turn"), STOP]


def reader(request: CanonicalRequest | None = None, to: Target | None = None) -> AnthropicAnswerReader:
    return AnthropicAnswerReader(request or make_request(), to or target())


def feed(one: AnthropicAnswerReader, events: Iterable[Any]) -> list[AnswerEvent]:
    result = [event for each in events for event in one.frame(each.get("type", ""), json.dumps(each).encode())]
    return result + one.end()


def read(*events: Any, request: CanonicalRequest | None = None, to: Target | None = None) -> list[AnswerEvent]:
    """What a reader tells of a stream."""
    return feed(reader(request, to), events)


def events_of(*events: Any, **members: Any) -> list[AnswerEvent]:
    """The same without Began, Finished and Ended."""
    return read(*answered(*events), **members)[1:-2]


def broken(*events: Any, request: CanonicalRequest | None = None) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        read(*events, request=request)
    return caught.value


def said(events: Iterable[AnswerEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def message(*blocks: Any, **members: Any) -> bytes:
    """A plain answer that ends well."""
    usage = {"input_tokens": 10, "output_tokens": 7}
    whole = {
        "id": "msg_1",
        "type": "message",
        "model": "claude-x",
        "content": blocks,
        "stop_reason": "end_turn",
        "usage": usage,
    }
    return json.dumps({**whole, **members}).encode()
