"""What a chat completion is charged for besides tokens: searches, counted by citations, and custom tool calls."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from app.wire.chat.passthrough import ChatPlainRelay, ChatStreamRelay
from domain.usage import CallCount, Usage
from tests.support.wire.streams import CHAT_USAGE, chunk, run, sse, usage_chunk

USAGE = Usage(input=15, cached_input=5, output=7, reasoning=3)
CITATION = {"type": "url_citation", "url_citation": {"url": "https://example.com", "start_index": 0, "end_index": 2}}
CUSTOM = {"id": "call_1", "type": "custom", "custom": {"name": "f", "input": "a"}}
FUNCTION = {"id": "call_2", "type": "function", "function": {"name": "g", "arguments": "{}"}}


def relay(*, searches: bool = True) -> ChatStreamRelay:
    return ChatStreamRelay(model="public", include_usage=False, choices=2, searches=searches)


def whole(message: dict[str, Any], *, searches: bool = True, **members: Any) -> ChatPlainRelay:
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": "stop"}
    one = ChatPlainRelay(model="public", searches=searches)
    one.feed(json.dumps({"id": "c", "model": "old", "choices": [choice]} | members).encode())
    one.end()
    return one


def cited(index: int) -> dict[str, Any]:
    result = chunk(index=index)
    result["choices"][0]["delta"]["annotations"] = [CITATION]
    return result


def called(*calls: Any, index: int = 0) -> dict[str, Any]:
    result = chunk(index=index)
    result["choices"][0]["delta"]["tool_calls"] = list(calls)
    return result


def test_each_choice_that_cites_its_sources_is_one_search() -> None:
    stream = sse(
        *(chunk("a"), cited(0), cited(0), chunk("b", index=1), chunk(finish="stop")),
        *(chunk(index=1, finish="stop"), usage_chunk(CHAT_USAGE), "[DONE]"),
    )
    outcome = run(relay(), [stream])
    assert outcome.items == Usage(web_search_calls=1)
    assert outcome.usage == msgspec.structs.replace(USAGE, web_search_calls=1)


def test_a_whole_answer_that_cites_its_sources_is_a_search() -> None:
    message = {"content": "a", "annotations": [CITATION]}
    assert whole(message, usage=CHAT_USAGE).usage == msgspec.structs.replace(USAGE, web_search_calls=1)
    silent = whole(message)
    assert (silent.usage, silent.items) == (None, Usage(web_search_calls=1))


def test_sources_are_no_search_if_none_was_offered() -> None:
    stream = sse(chunk("a"), cited(0), chunk(finish="stop"), usage_chunk(CHAT_USAGE), "[DONE]")
    outcome = run(relay(searches=False), [stream])
    assert (outcome.items, outcome.usage) == (Usage(), USAGE)
    one = whole({"content": "a", "annotations": [CITATION]}, searches=False, usage=CHAT_USAGE)
    assert (one.items, one.usage) == (Usage(), USAGE)


def test_sources_outside_of_the_text_are_a_search() -> None:
    stream = sse(
        *(cited(0), chunk("a"), chunk(finish="stop"), chunk("b", index=1), chunk(index=1, finish="stop"), cited(1)),
        *(usage_chunk(CHAT_USAGE), "[DONE]"),
    )
    assert run(relay(), [stream]).usage == msgspec.structs.replace(USAGE, web_search_calls=2)


def test_sources_after_the_finish_count_without_usage_too() -> None:
    finished = chunk("a"), chunk(finish="stop"), chunk("b", index=1), chunk(index=1, finish="stop")
    outcome = run(relay(), [sse(*finished, cited(0), "[DONE]")])
    assert (outcome.usage, outcome.items) == (None, Usage(web_search_calls=1))


def test_text_in_unknown_members_is_output() -> None:
    delta = chunk("a")
    delta["choices"][0]["delta"] |= {"musings": "b" * 40, "role": "assistant", "parts": [1]}
    one = relay()
    run(one, [sse(delta, chunk(finish="stop"), "[DONE]")])
    assert one.delivered.output_bytes == 41
    assert whole({"content": None, "answer_text": "c" * 8}).delivered.output_bytes == 8


def test_each_call_of_a_custom_tool_is_counted_once_however_many_pieces_it_has() -> None:
    piece = {"index": 0, "custom": {"input": "b"}}
    stream = sse(
        *(called({"index": 0} | CUSTOM), called(piece), called(piece, {"index": 1} | FUNCTION, {"index": 2} | CUSTOM)),
        *(called({"index": 0} | CUSTOM, index=1), chunk("c"), cited(0)),
        *(chunk(finish="tool_calls"), chunk(index=1, finish="tool_calls"), usage_chunk(CHAT_USAGE), "[DONE]"),
    )
    outcome = run(relay(), [stream])
    calls = (CallCount("custom", 3),)
    assert outcome.items == Usage(web_search_calls=1, calls=calls)
    assert outcome.usage == msgspec.structs.replace(USAGE, web_search_calls=1, calls=calls)


def test_custom_calls_of_a_whole_answer_are_counted() -> None:
    calls = (CallCount("custom", 2),)
    message = {"content": None, "tool_calls": [CUSTOM, FUNCTION, CUSTOM]}
    assert whole(message, usage=CHAT_USAGE).usage == msgspec.structs.replace(USAGE, calls=calls)
    assert whole(message).items == Usage(calls=calls)
