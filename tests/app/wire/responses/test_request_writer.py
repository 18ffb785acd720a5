"""Canonical requests written for a Responses upstream: hand-written ones, and the round trip of any request."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given

from app.wire.canonical import (
    CanonicalRequest,
    File,
    FunctionCallOutput,
    FunctionTool,
    Hints,
    Image,
    ImageGenerationCall,
    Item,
    Message,
    Reasoning,
    Refusal,
    Target,
    Text,
    TextFormat,
    ToolChoice,
    ToolName,
    WebSearchCall,
    WebSearchTool,
    bare,
)
from app.wire.exchange import RequestError
from app.wire.request import read_body
from app.wire.responses.request_reader import read_responses_request
from app.wire.responses.request_writer import write_responses_request
from app.wire.tags import seal
from tests.support.wire.responses.canonical_requests import any_requests

HI = Message("user", (Text("Hi"),), at="messages[0]")
TARGET = Target("up", "vendor-model", 4096)


def chat(**members: Any) -> CanonicalRequest:
    return CanonicalRequest(**{"endpoint": "chat", "model": "m", "items": (HI,), **members})


def written(request: CanonicalRequest, target: Target = TARGET) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(write_responses_request(request, target))
    return body


def items(*given: Item, **target: Any) -> Any:
    return written(chat(items=given), msgspec.structs.replace(TARGET, **target))["input"]


def _unsealed(request: CanonicalRequest) -> CanonicalRequest:
    """The upstream's own reasoning goes to it without our seal. What is left out elsewhere is not read back: an assistant
    message without parts, and the options of a search of a cache."""

    def bared(item: Item) -> Item:
        if not isinstance(item, Reasoning):
            return item
        return msgspec.structs.replace(item, sealed=(item.sealed or "").removeprefix(seal("up", "")))

    read = (
        item
        for item in request.items
        if not (isinstance(item, Message) and item.role == "assistant" and not item.parts)
    )
    cached = WebSearchTool(external_access=False)
    tools = (
        cached if isinstance(tool, WebSearchTool) and tool.external_access is False else tool for tool in request.tools
    )
    return msgspec.structs.replace(request, items=tuple(map(bared, read)), tools=tuple(tools))


@given(any_requests())
def test_a_written_answer_reads_back_as_the_same(request: CanonicalRequest) -> None:
    target = Target("up", request.model, request.max_output_tokens or 1, request.max_tool_calls)
    back = read_responses_request(read_body(write_responses_request(request, target)), {})
    assert bare(back) == bare(_unsealed(request))


def test_a_minimal_request() -> None:
    assert written(chat()) == {
        "model": "vendor-model",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}],
        "store": False,
        "max_output_tokens": 4096,
    }


def test_every_member() -> None:
    request = chat(
        stream=True,
        instructions="Be brief.",
        tools=(FunctionTool("f"), WebSearchTool("low", None, ("a.org",))),
        tool_choice=ToolChoice("required", (ToolName("function", "f"),)),
        parallel_tool_calls=True,
        temperature=0.5,
        top_p=0.9,
        logprobs=0,
        effort="low",
        summary="auto",
        format=TextFormat("json_schema", "n", None, None, True),
        verbosity="high",
        service_tier="default",
        hints=Hints({"a": "b"}, "u", "s", "k", "24h"),
    )
    actual = written(request, Target("up", "vendor-model", 10, 2))
    del actual["input"]
    search = {"type": "web_search", "search_context_size": "low", "filters": {"allowed_domains": ["a.org"]}}
    assert actual == {
        "model": "vendor-model",
        "store": False,
        "max_output_tokens": 10,
        "stream": True,
        "instructions": "Be brief.",
        "tools": [{"type": "function", "name": "f", "parameters": None, "strict": False}, search],
        "tool_choice": {"type": "function", "name": "f"},
        "parallel_tool_calls": True,
        "max_tool_calls": 2,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_logprobs": 0,
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {
            "format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True},
            "verbosity": "high",
        },
        "service_tier": "default",
        "metadata": {"a": "b"},
        "user": "u",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "prompt_cache_retention": "24h",
    }


def test_strictness_follows_the_client() -> None:
    tools = (FunctionTool("f"), FunctionTool("g", strict=True))
    assert [tool["strict"] for tool in written(chat(tools=tools))["tools"]] == [False, True]
    actual = written(msgspec.structs.replace(chat(tools=tools), endpoint="responses"))["tools"]
    assert [tool.get("strict") for tool in actual] == [None, True]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice("auto"), "auto"),
        (ToolChoice("none", (ToolName("function", "f"),)), "none"),
        (ToolChoice("required", (ToolName("web_search"),)), {"type": "web_search"}),
        (
            ToolChoice("auto", (ToolName("function", "f"),)),
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        ),
    ],
)
def test_choices(choice: ToolChoice, expected: Any) -> None:
    assert written(chat(tool_choice=choice))["tool_choice"] == expected


@pytest.mark.parametrize(
    ("members", "included"),
    [
        ({"effort": "low"}, True),
        ({"effort": "none"}, False),
        ({"summary": "auto"}, True),
        ({"items": (HI, Reasoning(sealed=seal("up", "x")))}, True),
        ({"items": (HI, Reasoning(sealed=seal("other", "x")))}, False),
        ({}, False),
    ],
)
def test_encrypted_reasoning_is_requested_from_models_that_reason(members: Any, included: bool) -> None:
    assert ("include" in written(chat(**members))) is included


def test_reasoning_goes_to_its_own_upstream_only() -> None:
    own = Reasoning(("S",), (), seal("up", "x"))
    summary = [{"type": "summary_text", "text": "S"}]
    assert items(own) == [{"type": "reasoning", "summary": summary, "encrypted_content": "x"}]
    assert items(Reasoning(("S",), (), seal("other", "x")), Reasoning(("S",)), Reasoning(sealed="x")) == []


def test_outputs_of_tools() -> None:
    first, second = items(
        FunctionCallOutput("c", (Text("x"),)), FunctionCallOutput("c", (Image(data="QQ==", media_type="image/png"),))
    )
    assert first["output"] == "x"
    assert second["output"] == [{"type": "input_image", "image_url": "data:image/png;base64,QQ=="}]


def test_a_file_without_a_name_gets_one() -> None:
    parts = (File(data="QQ==", media_type="application/pdf"), File(data="QQ==", media_type="text/plain"))
    assert [part["filename"] for part in items(Message("user", parts))[0]["content"]] == ["document.pdf", "document"]


def test_an_assistants_parts() -> None:
    actual = items(Message("assistant", (Text("a"), Refusal("b"))))[0]["content"]
    assert actual == [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "b"}]


def test_a_search_without_queries() -> None:
    assert items(WebSearchCall("ws_1"))[0]["action"] == {"type": "search"}


def test_the_clients_limit_of_calls_is_used_if_the_target_has_none() -> None:
    assert written(chat(max_tool_calls=5))["max_tool_calls"] == 5


AT = "messages[1].content[0]"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"choices": 2}, "n"),
        ({"stop": ("x",)}, "stop"),
        ({"seed": 0}, "seed"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"items": (Message("user", (), "Ann", "messages[1]"),)}, "messages[1].name"),
        ({"items": (Message("assistant", (Image(url="https://a", at=AT),)),)}, AT),
        ({"items": (Message("user", (Refusal("x", AT),)),)}, AT),
        ({"items": (ImageGenerationCall("i", "QQ==", "image/tiff", at="x"),)}, "x"),
        ({"items": (ImageGenerationCall("i", "QQ==", "text/png", at="x"),)}, "x"),
    ],
)
def test_unsupported_parameters_are_rejected_by_the_clients_name(members: Any, param: str) -> None:
    with pytest.raises(RequestError) as caught:
        write_responses_request(chat(**members), TARGET)
    assert (caught.value.param, caught.value.code) == (param, "unsupported_parameter")


@pytest.mark.parametrize("part", [Image(url="https://a", at=AT), File(url="https://a", at=AT)])
def test_urls_are_sent_only_to_upstreams_that_fetch_them(part: Any) -> None:
    assert "https://a" in items(Message("user", (part,)))[0]["content"][0].values()
    with pytest.raises(RequestError) as caught:
        items(Message("user", (part,)), fetches_urls=False)
    assert caught.value.param == AT
