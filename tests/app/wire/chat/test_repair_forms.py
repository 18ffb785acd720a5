"""Members of chat answers in other JSON forms than OpenAI's, and what a pass-through makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.chat.passthrough import ChatPlainRelay, ChatStreamRelay
from app.wire.exchange import AnswerError
from tests.support.wire.chat.chat_answers import call, delta
from tests.support.wire.streams import CHAT_USAGE, chunk, payloads, run, sse, usage_chunk

END = (chunk(finish="stop"), usage_chunk(CHAT_USAGE), "[DONE]")


def streamed(*frames: Any) -> list[Any]:
    relay = ChatStreamRelay(model="public", include_usage=False, choices=1)
    outcome = run(relay, [sse(frame) for frame in (*frames, *END)])
    return payloads(outcome.forwarded + outcome.tail)[:-2]


def deltas(*frames: Any) -> list[Any]:
    return [event["choices"][0]["delta"] for event in streamed(*frames)]


def message(found: dict[str, Any], name: str = "message") -> Any:
    body = {"id": "c", "choices": [{"index": 0, name: found, "finish_reason": "stop"}], "usage": CHAT_USAGE}
    relay = ChatPlainRelay(model="public")
    relay.feed(json.dumps(body).encode())
    relay.end()
    [choice] = json.loads(relay.tail())["choices"]
    assert set(choice) == {"index", "message", "finish_reason"}
    return choice["message"]


def test_names_and_ids_come_once() -> None:
    first, second = deltas(delta(tool_calls=[call(0, "c", "f", "{")]), delta(tool_calls=[call(0, "c", "f", "}")]))
    assert first["tool_calls"][0]["function"] == {"name": "f", "arguments": "{"}
    assert second["tool_calls"] == [{"index": 0, "function": {"arguments": "}"}}]


def test_content_in_parts_becomes_text_and_reasoning() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    [found] = deltas(delta(content=[thinking, {"type": "text", "text": "a"}]))
    assert found == {"content": "a", "reasoning_content": "hm"}
    assert message({"role": "assistant", "content": [{"type": "text", "text": "a"}]})["content"] == "a"


def test_empty_entries_are_left_out() -> None:
    empty = {"index": 0, "id": "", "function": {"name": None, "arguments": None}}
    [found] = deltas(delta(content="a", tool_calls=[empty]))
    assert found == {"content": "a"}
    [found] = deltas(delta(content="a", function_call={"name": None, "arguments": ""}))
    assert found["content"] == "a"
    kept = message({"role": "assistant", "content": None, "tool_calls": [empty, call(None, "c", "f", "{}")]})
    assert [entry["id"] for entry in kept["tool_calls"]] == ["c"]


@pytest.mark.parametrize("empty", [None, "", {}, {"code": None, "message": ""}])
def test_an_empty_error_is_removed(empty: Any) -> None:
    [found] = streamed({**chunk("a"), "error": empty})
    assert "error" not in found
    assert found["choices"][0]["delta"] == {"content": "a"}


def test_absent_choices_and_deltas_are_empty() -> None:
    null = chunk("a")
    null["choices"][0]["delta"] = None
    first, second, _ = streamed({"id": "c", "choices": None}, null, chunk("b"))
    assert (first["choices"], second["choices"][0]["delta"]) == ([], {})


def test_a_message_in_a_chunk_is_a_delta_once() -> None:
    whole = chunk("a")
    whole["choices"][0]["message"] = whole["choices"][0].pop("delta")
    first, second = streamed(whole, whole)
    assert first["choices"][0]["delta"] == {"content": "a"}
    assert second["choices"][0]["delta"] == {}
    assert message({"role": "assistant", "content": "a"}, "delta")["content"] == "a"


def test_empty_lists_are_no_arguments() -> None:
    [found] = deltas(delta(tool_calls=[call(0, "c", "f", [])]))
    assert found["tool_calls"][0]["function"]["arguments"] == ""
    entry = message({"role": "assistant", "tool_calls": [call(None, "c", "f", [])]})["tool_calls"][0]
    assert entry["function"]["arguments"] == "{}"
    with pytest.raises(AnswerError):
        deltas(delta(tool_calls=[call(0, "c", "f", [1])]))


def test_a_call_in_both_spellings_is_one_call() -> None:
    legacy = {"name": "f", "arguments": "{}"}
    relay = ChatStreamRelay(model="public", include_usage=False, choices=1)
    both = delta(tool_calls=[call(0, "c", "f", "{}")], function_call=legacy)
    outcome = run(relay, [sse(frame) for frame in (both, *END)])
    assert (outcome.finish, outcome.output_bytes) == ("tool_calls", 2)


def test_done_may_have_blanks() -> None:
    relay = ChatStreamRelay(model="public", include_usage=False, choices=1)
    outcome = run(relay, [sse(chunk("a"), usage_chunk(CHAT_USAGE)), b"data:  [DONE] \n\n"])
    assert outcome.finish == "stop"


@pytest.mark.parametrize("changes", [{}, {"model": None}])
def test_an_error_that_is_null_is_removed_from_text_that_continues(changes: dict[str, Any]) -> None:
    for found in streamed(chunk("a"), {"error": None, **chunk("b"), **changes}, {**chunk("c"), "error": None}):
        assert "error" not in found
