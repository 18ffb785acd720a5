"""Function names that a vendor would refuse, there and back."""

from __future__ import annotations

import json

import pytest

from app.wire.answer import CallBegun
from app.wire.anthropic.answer_reader import AnthropicAnswerReader
from app.wire.anthropic.request_writer import write_anthropic_request
from app.wire.canonical import (
    CanonicalRequest,
    FunctionCall,
    FunctionCallOutput,
    FunctionTool,
    Message,
    Target,
    Text,
    ToolChoice,
    ToolName,
    WebSearchTool,
)
from app.wire.gemini.answer_reader import GeminiAnswerReader
from app.wire.gemini.request_writer import write_gemini_request

CLAUDE, GEMINI = Target("up", "claude-sonnet-4-6", 4096), Target("up", "gemini-3-flash-preview", 4096)
HI = Message("user", (Text("Hi"),))


def asking(name: str, *, choice: bool = True) -> CanonicalRequest:
    items = HI, FunctionCall("c", name, "{}"), FunctionCallOutput("c", (Text("x"),)), FunctionCall("d", "g", "{}")
    return CanonicalRequest(
        "chat",
        "m",
        (*items, FunctionCallOutput("d", (Text("y"),))),
        tools=(FunctionTool(name), FunctionTool("g")),
        tool_choice=ToolChoice("required", (ToolName("function", name),)) if choice else None,
    )


@pytest.mark.parametrize("name", ["mcp.server/tool", "a" * 200, "wetter für", "8ball!"])
def test_a_name_is_replaced_and_restored(name: str) -> None:
    for choice in (True, False):
        request = asking(name, choice=choice)
        claude, gemini = (
            json.loads(write_anthropic_request(request, CLAUDE)),
            json.loads(write_gemini_request(request, GEMINI)),
        )
        sent = claude["tools"][0]["name"]
        assert claude["messages"][1]["content"][0]["name"] == sent != name
        assert claude["tools"][1:] == [] if choice else claude["tools"][1]["name"] == "g"
        if choice:
            assert claude["tool_choice"]["name"] == sent
        assert (
            gemini["tools"][0]["functionDeclarations"][0]["name"]
            == gemini["contents"][1]["parts"][0]["functionCall"]["name"]
        )
        block = {"type": "tool_use", "id": "toolu_1", "name": sent, "input": {}}
        answer = {"type": "message", "content": [block], "stop_reason": "tool_use"}
        events = AnthropicAnswerReader(request, CLAUDE).whole(json.dumps(answer).encode())
        assert [event.name for event in events if isinstance(event, CallBegun)] == [name]
        part = {"functionCall": {"name": gemini["tools"][0]["functionDeclarations"][0]["name"], "args": {}}}
        body = {"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}
        events = GeminiAnswerReader(request, GEMINI).whole(json.dumps(body).encode())
        assert [event.name for event in events if isinstance(event, CallBegun)] == [name]


def test_a_valid_name_and_other_tools_are_unchanged() -> None:
    request = CanonicalRequest(
        "chat", "m", (HI,), tools=(FunctionTool("get_weather-2"), FunctionTool("a b"), WebSearchTool())
    )
    names = [tool["name"] for tool in json.loads(write_anthropic_request(request, CLAUDE))["tools"]]
    assert (names[0], names[1][:6], names[2]) == ("get_weather-2", "f_a_b_", "web_search")
    dotted = asking("server.tool:x")
    assert (
        json.loads(write_gemini_request(dotted, GEMINI))["tools"][0]["functionDeclarations"][0]["name"]
        == "server.tool:x"
    )
