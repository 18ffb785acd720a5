"""The Codex CLI with its defaults: its request is accepted for every kind of upstream, and so is its next turn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from app.wire.canonical import Target
from app.wire.dialects import (
    REQUEST_READERS,
    REQUEST_WRITERS,
    Dialect,
    canonical_for,
    parse,
    passthrough_body,
    translation_relay,
)
from app.wire.exchange import ParsedRequest
from app.wire.model_check import check_model_offers
from domain.usage import Usage
from tests.support.wire.codex_request import ARGUMENTS, CACHED_SEARCH, CALLS, CODEX, FLAT, INPUT, NAMESPACE

MODELS = {"chat": "served-model", "anthropic": "claude-sonnet-4-6", "gemini": "gemini-3-pro-preview"}
VENDORS: list[Dialect] = ["chat", "anthropic", "gemini"]


@dataclass
class Offered:
    tools: frozenset[str] = frozenset({"function"})
    id: str = "gpt-5.4-mini"
    input_modalities: tuple[str, ...] = ("text",)
    service_tiers: tuple[str, ...] = ("auto", "default")


def checked(body: Any, *tools: str) -> ParsedRequest:
    return check_model_offers(
        parse("responses", json.dumps(body).encode()), Offered(frozenset({"function", *tools})), {}
    )


def target(dialect: str) -> Target:
    return Target("up", MODELS[dialect], 4096, is_openai=False)


def written(body: Any, dialect: Dialect, *tools: str) -> Any:
    parsed = checked(body, *tools)
    read = REQUEST_READERS["responses"](parsed.fields, {})
    canonical = canonical_for(read, dialect, omits_cached_search=parsed.omits_cached_search)
    return json.loads(REQUEST_WRITERS[dialect](canonical, target(dialect)))


def functions_of(dialect: Dialect, body: Any) -> list[Any]:
    if dialect == "chat":
        return [tool["function"] for tool in body["tools"]]
    return list(body["tools"][0]["functionDeclarations"] if dialect == "gemini" else body["tools"])


def answered(dialect: Dialect, *, stream: bool = True) -> list[Any]:
    """The events that Codex gets for an answer that calls a tool in its namespace."""
    parsed = checked(CODEX)
    canonical = canonical_for(REQUEST_READERS["responses"](parsed.fields, {}), dialect, omits_cached_search=True)
    relay = translation_relay(
        canonical, dialect, target(dialect), model="gpt-5.4-mini", seed="0" * 32, created=7, fields=parsed.fields
    )
    frames = [
        f"{f'event: {name}' + chr(10) if name else ''}data: {json.dumps(data)}\n\n" for name, data in CALLS[dialect]
    ]
    frames += ["data: [DONE]\n\n"] if dialect == "chat" else []
    sent = b"".join(relay.feed(frame.encode()) for frame in frames)
    relay.end()
    assert relay.usage is not None
    assert msgspec.structs.replace(relay.usage, reasoning=0) == Usage(input=100, output=20)
    lines = (sent + relay.tail()).decode().splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


@pytest.mark.parametrize("tools", [(), ("web_search",)])
@pytest.mark.parametrize("dialect", VENDORS)
def test_the_request_is_written_for_every_vendor(dialect: Dialect, tools: tuple[str, ...]) -> None:
    found = functions_of(dialect, written(CODEX, dialect, *tools))
    names = [tool["name"] for tool in found]
    assert names[4:8] == [f"multi_agent_v1__{tool['name']}" for tool in NAMESPACE["tools"]]
    assert len(names) == 11
    assert not any("search" in name for name in names)
    assert found[4]["description"] == f"multi_agent_v1: {NAMESPACE['description']}\n\nUse spawn_agent."
    assert found[5]["description"] == "Use send_input."


@pytest.mark.parametrize("tools", [(), ("web_search",)])
def test_an_openai_upstream_gets_the_namespace_as_it_is(tools: tuple[str, ...]) -> None:
    body = json.loads(passthrough_body(checked(CODEX, *tools), Target("up", "m", 64)))
    assert NAMESPACE in body["tools"]
    assert (CACHED_SEARCH in body["tools"]) == bool(tools)
    assert len(body["tools"]) == 8 + len(tools)


def test_a_model_without_search_is_not_held_for_one() -> None:
    assert "web_search" not in checked(CODEX).demand.tools
    assert "web_search" in checked(CODEX, "web_search").demand.tools


@pytest.mark.parametrize("dialect", VENDORS)
def test_a_call_is_answered_with_its_namespace_and_comes_back(dialect: Dialect) -> None:
    events = answered(dialect)
    items = [event["item"] for event in events if event["type"].startswith("response.output_item.")]
    output = events[-1]["response"]["output"]
    calls = [item for item in (*items, *output) if item["type"] == "function_call"]
    assert {(call["name"], call["namespace"]) for call in calls} == {("spawn_agent", "multi_agent_v1")}
    assert len(calls) == 3
    call = next(item for item in output if item["type"] == "function_call")
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "agent 7"}
    told = json.dumps(written(CODEX | {"input": [*INPUT, *output, result]}, dialect))
    assert told.count(f'"{FLAT}"') == (3 if dialect == "gemini" else 2)
    assert json.loads(call["arguments"]) == json.loads(ARGUMENTS)


@pytest.mark.parametrize("dialect", VENDORS)
@pytest.mark.parametrize(
    "choice",
    [
        {"type": "function", "name": "spawn_agent", "namespace": "multi_agent_v1"},
        {"type": "function", "name": "spawn_agent"},
    ],
)
def test_a_tool_in_a_namespace_can_be_chosen(dialect: Dialect, choice: Any) -> None:
    body = written(CODEX | {"tool_choice": choice, "reasoning": {}}, dialect)
    choices = {
        "chat": lambda: body["tool_choice"]["function"]["name"],
        "anthropic": lambda: body["tool_choice"]["name"],
        "gemini": lambda: body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"][0],
    }
    assert choices[dialect]() == FLAT
