"""Thoughts and their vendors' signatures, on their way through a client of either endpoint and back to the vendor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fakes import anthropic_shapes, gemini_shapes
from tests.fakes.vendor_story import THOUGHT
from tests.support.clients.answers import asked, debits
from tests.support.gateway.gateway import Gateway, frames
from tests.support.upstream.vendors import SOLD, selling

Json = dict[str, Any]
WEATHER: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("vendor", ["anthropic", "gemini"])
async def test_signed_thinking_comes_back_to_its_vendor_on_responses(tmp_path: Path, vendor: str, stream: bool) -> None:
    tools = [{"type": "function", "name": "get_weather", "parameters": WEATHER}]
    more: Json = {
        "tools": tools,
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "max_output_tokens": 8000,
    }
    question = {"role": "user", "content": "What is the weather in Toronto and Oslo?"}
    async with selling(tmp_path, vendor) as (gateway, served):
        first = await asked(gateway, "responses", {"model": SOLD, "input": [question], **more}, stream=stream)
        items = first.whole["output"]
        assert [item["type"] for item in items] == ["reasoning", "function_call", "function_call"]
        assert items[0]["summary"][0]["text"] == THOUGHT
        assert all(call["call_id"].startswith("call_") for call in items[1:])
        outputs = [
            {"type": "function_call_output", "call_id": call["call_id"], "output": '{"celsius":21}'}
            for call in items[1:]
        ]
        history = [question, *items, *outputs]
        final = await asked(gateway, "responses", {"model": SOLD, "input": history, **more}, stream=stream)
        assert final.text == 'The weather: {"celsius":21}; {"celsius":21}'
        check_signed(vendor, served[vendor].requests[1].json())
        assert [event.usage.reasoning for event in await debits(gateway)] == [THOUGHT_TOKENS[vendor]] * 2


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("vendor", ["anthropic", "gemini"])
async def test_signed_thinking_comes_back_to_its_vendor_on_chat(tmp_path: Path, vendor: str, stream: bool) -> None:
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}]
    more: Json = {"tools": tools, "reasoning_effort": "low", "max_completion_tokens": 8000}
    question = {"role": "user", "content": "What is the weather in Toronto and Oslo?"}
    async with selling(tmp_path, vendor) as (gateway, served):
        body = {"model": SOLD, "messages": [question], **more}
        message = await _chat_message(gateway, body, stream=stream)
        assert message.get("reasoning_content") == (THOUGHT if vendor == "anthropic" else None)
        assert [call["function"]["arguments"] for call in message["tool_calls"]] == [
            '{"city":"Toronto"}',
            '{"city":"Oslo"}',
        ]
        assert all(call["id"].startswith("call_") for call in message["tool_calls"])
        results = [
            {"role": "tool", "tool_call_id": call["id"], "content": '{"celsius":21}'} for call in message["tool_calls"]
        ]
        body = {"model": SOLD, "messages": [question, message, *results], **more}
        final = await asked(gateway, "chat/completions", body, stream=stream)
        assert final.text == 'The weather: {"celsius":21}; {"celsius":21}'
        check_signed(vendor, served[vendor].requests[1].json())
        assert [event.usage.reasoning for event in await debits(gateway)] == [THOUGHT_TOKENS[vendor]] * 2


async def _chat_message(gateway: Gateway, body: Json, *, stream: bool) -> Json:
    """The assistant's message as a client keeps it: all of a call's members, put together from a stream's deltas."""
    if not stream:
        answer = await gateway.post("chat/completions", body)
        assert answer.status_code == 200, answer.text
        kept: Json = answer.json()["choices"][0]["message"]
        return kept
    answer = await gateway.post("chat/completions", {**body, "stream": True})
    calls: dict[int, Json] = {}
    thought = ""
    for delta in (choice["delta"] for chunk in frames(answer.content) for choice in chunk["choices"]):
        thought += delta.get("reasoning_content") or ""
        for call in delta.get("tool_calls") or ():
            begun = calls.setdefault(call["index"], {"type": "function", "function": {"arguments": ""}})
            begun |= {name: call[name] for name in ("id", "extra_content") if name in call}
            begun["function"] |= {"name": call["function"]["name"]} if "name" in call["function"] else {}
            begun["function"]["arguments"] += call["function"].get("arguments", "")
    reasoning = {"reasoning_content": thought} if thought else {}
    return {"role": "assistant", "content": None, **reasoning, "tool_calls": list(calls.values())}


THOUGHT_TOKENS = {"anthropic": 10, "gemini": 8}


def check_signed(vendor: str, body: Json) -> None:
    if vendor == "anthropic":
        thought, *calls = body["messages"][1]["content"]
        assert thought == anthropic_shapes.thinking_block()
        own = [anthropic_shapes.call_id(number) for number in (1, 2)]
        assert [call["id"] for call in calls] == own
        assert [result["tool_use_id"] for result in body["messages"][2]["content"]] == own
        return
    parts = body["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts if "functionCall" in part] == [
        gemini_shapes.CALL_SIGNATURE,
        None,
    ]
