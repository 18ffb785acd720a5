"""An answer goes back to the upstream in the next turn as clients send it: with its reasoning, calls and their outputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from app.wire.anthropic.request_writer import write_anthropic_request
from app.wire.canonical import CanonicalRequest, Target
from app.wire.chat.request_reader import read_chat_request
from app.wire.chat.request_writer import write_chat_request
from app.wire.exchange import RequestError
from app.wire.gemini.request_writer import write_gemini_request
from app.wire.responses.request_reader import read_responses_request
from app.wire.responses.request_writer import write_responses_request
from app.wire.splice import members
from tests.protocols.translated.expected import Case, Dialect
from tests.protocols.translated.harness import UPSTREAM, Client, stream_of, streamed
from tests.protocols.translated.test_translated import ALL, TABLES
from tests.protocols.translated.understood import payloads

Json = dict[str, Any]

WRITERS: Final[dict[Dialect, tuple[Callable[[CanonicalRequest, Target], bytes], str]]] = {
    "responses": (write_responses_request, "gpt-5.4-mini"),
    "chat": (write_chat_request, "vendor-model"),
    "anthropic": (write_anthropic_request, "claude-sonnet-4-5"),
    "gemini": (write_gemini_request, "gemini-3-flash-preview"),
}
QUESTION: Final = {"role": "user", "content": "Go on."}
CHAT_TOOLS: Final = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("get_weather", "now", "multiply")
]
RESPONSES_TOOLS: Final = [{"type": "function", **tool["function"]} for tool in CHAT_TOOLS]  # type: ignore[dict-item]


def next_turn(client: Client, sent: bytes) -> CanonicalRequest:
    """What a client asks next: everything so far, an output for each call, and a word of its own."""
    body = next_of_responses(sent) if client == "responses" else next_of_chat(sent)
    raw = members.decode(msgspec.json.encode(body))
    return read_responses_request(raw, {}) if client == "responses" else read_chat_request(raw, {})


def next_of_responses(sent: bytes) -> Json:
    """The items of the closing response, as they are: what the SDKs' examples do."""
    output = json.loads(payloads(sent)[-2])["response"]["output"]
    results = [
        {"type": f"{item['type']}_output", "call_id": item["call_id"], "output": "42"}
        for item in output
        if "call_id" in item
    ]
    return {"model": "public", "input": [QUESTION, *output, *results, QUESTION], "tools": RESPONSES_TOOLS}


def next_of_chat(sent: bytes) -> Json:
    """The message that the deltas add up to. `extra_content` comes back with its call, reasoning does not."""
    message: Json = {"role": "assistant", "content": "", "tool_calls": []}
    for data in payloads(sent)[:-1]:
        for choice in json.loads(data)["choices"]:
            delta = choice["delta"]
            message["content"] += delta.get("content") or ""
            if delta.get("refusal"):
                message["refusal"] = message.get("refusal", "") + delta["refusal"]
            for call in delta.get("tool_calls", ()):
                if "id" in call:
                    message["tool_calls"].append({name: value for name, value in call.items() if name != "index"})
                else:
                    kind, name = ("function", "arguments") if "function" in call else ("custom", "input")
                    message["tool_calls"][call["index"]][kind][name] += call[kind][name]
    calls = message["tool_calls"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "42"} for call in calls]
    if not calls:
        del message["tool_calls"]
    if calls or "refusal" in message:
        message["content"] = message["content"] or None
    return {"model": "public", "messages": [QUESTION, message, *results, QUESTION], "tools": CHAT_TOOLS}


def written(request: CanonicalRequest, dialect: Dialect, upstream: str = UPSTREAM) -> str:
    write, model = WRITERS[dialect]
    return json.dumps(json.loads(write(request, Target(upstream, model, max_output_tokens=4096))), ensure_ascii=False)


WHOLE: Final = [
    found
    for found in ALL
    if not (case := found.values[1]).fault and len(case.choices) == 1 and not case.then  # type: ignore[union-attr]
]


@pytest.mark.parametrize(("dialect", "case", "client"), WHOLE)
def test_an_answer_can_be_sent_back_to_any_upstream(dialect: Dialect, case: Case, client: Client) -> None:
    sent = streamed(dialect, client, case, [[stream_of(dialect, case.name)]]).sent
    request = next_turn(client, sent)
    for other in WRITERS:
        if other in refusing(case, client):
            with pytest.raises(RequestError, match=r"(input|messages)\[\d\]"):
                written(request, other)
            continue
        body = written(request, other, "somebody else")
        for word in (case.said.text + case.said.refusal).split():
            assert json.dumps(word, ensure_ascii=False)[1:-1] in body, other
        for call in case.said.calls:
            assert f'"{call.name}"' in body
        assert body.count("42") >= len(case.said.calls)
        for payload in case.sealed:
            assert payload not in body or payload in case.said.thought, "a seal went to another upstream"


def refusing(case: Case, client: Client) -> set[Dialect]:
    """The upstreams that have no place for it: free text for a tool, an image in an answer."""
    if any(call.kind == "custom" for call in case.said.calls):
        return {"anthropic", "gemini"}
    return {"chat"} if case.images and client == "responses" else set()


SIGNED: Final[dict[Dialect, str]] = {
    "anthropic": "thinking",
    "gemini": "parallel_tools",
    "responses": "reasoning",
    "chat": "reasoning_content",
}


@pytest.mark.parametrize("client", ["responses", "chat"])
@pytest.mark.parametrize("dialect", SIGNED)
def test_reasoning_goes_back_to_its_upstream(dialect: Dialect, client: Client) -> None:
    (case,) = (case for case in TABLES[dialect] if case.name == SIGNED[dialect])
    sent = streamed(dialect, client, case, [[stream_of(dialect, case.name)]]).sent
    body = json.loads(written(next_turn(client, sent), dialect))
    CHECKS[dialect](body, client)


def check_anthropic(body: Json, client: Client) -> None:
    _, assistant, results = body["messages"]
    kinds = ["thinking", "redacted_thinking", "text", "tool_use"]
    # On chat reasoning rides in its call, and a message has its text before its calls.
    assert sorted(block["type"] for block in assistant["content"]) == sorted(kinds)
    thinking = next(block for block in assistant["content"] if block["type"] == "thinking")
    assert thinking["signature"] == "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"
    assert thinking["thinking"] == "Let me solve this step by step:\n\n1. 27 \u00d7 453"
    redacted = next(block for block in assistant["content"] if block["type"] == "redacted_thinking")
    assert redacted == {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix/LafPsn4a"}
    assert assistant["content"][0]["type"] == "thinking", "Anthropic wants a turn that thinks to begin with it"
    assert [block["type"] for block in results["content"]] == ["tool_result", "text"]


def check_gemini(body: Json, client: Client) -> None:
    parts = [part for content in body["contents"] for part in content["parts"]]
    calls = [part for part in parts if "functionCall" in part]
    assert [call.get("thoughtSignature") for call in calls] == ["EqUCCqICAb4+9vsh", None, None]
    results = [part["functionResponse"] for part in parts if "functionResponse" in part]
    assert [result["name"] for result in results] == ["get_weather", "now", "get_weather"]


def check_responses(body: Json, client: Client) -> None:
    (reasoning,) = (item for item in body["input"] if item["type"] == "reasoning")
    assert reasoning["encrypted_content"] == "gAAAAABp_whole"
    place = body["input"].index(reasoning)
    following = [item["type"] for item in body["input"][place + 1 :]]
    assert "function_call" in following


def check_chat(body: Json, client: Client) -> None:
    assistant = body["messages"][1]
    assert assistant["content"] == "12,231"
    # A chat client does not send back what no call needs; of a Responses client it comes sealed.
    assert assistant.get("reasoning_content") == ("27 times 453 is" if client == "responses" else None)


CHECKS: Final[dict[Dialect, Callable[[Json, Client], None]]] = {
    "anthropic": check_anthropic,
    "gemini": check_gemini,
    "responses": check_responses,
    "chat": check_chat,
}
