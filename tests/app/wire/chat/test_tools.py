"""Chat's tools, legacy functions and tool choices read into the canonical form."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.canonical import (
    CustomTool,
    FunctionTool,
    ImageTool,
    Place,
    Tool,
    ToolChoice,
    ToolName,
    WebSearchTool,
)
from tests.support.wire.chat.chat_requests import SCHEMA, make_request, refused

FUNCTION = {"type": "function", "function": {"name": "f"}}


CUSTOM = {"type": "custom", "custom": {"name": "sql"}}


PLACE = {"city": "Paris", "country": "FR", "region": "IDF", "timezone": "Europe/Paris"}


GRAMMAR = {"syntax": "lark", "definition": "start: /a/"}


@pytest.mark.parametrize(
    ("raw", "tool"),
    [
        (FUNCTION, FunctionTool("f", at="tools[0].function")),
        (
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": False}},
            FunctionTool("f", "d", SCHEMA, False, "tools[0].function"),
        ),
        (CUSTOM, CustomTool("sql", at="tools[0]")),
        (
            {"type": "custom", "custom": {"name": "sql", "description": "d", "format": {"type": "text"}}},
            CustomTool("sql", "d", {"type": "text"}, "tools[0]"),
        ),
        (
            {"type": "custom", "custom": {"name": "sql", "format": {"type": "grammar", "grammar": GRAMMAR}}},
            CustomTool("sql", None, {"type": "grammar", **GRAMMAR}, "tools[0]"),
        ),
        ({"type": "web_search_preview"}, WebSearchTool(at="tools[0]")),
        (
            {
                "type": "web_search_2025_08_26",
                "search_context_size": "low",
                "user_location": {"type": "approximate", **PLACE},
                "filters": {"allowed_domains": ["a.example"]},
                "external_web_access": False,
            },
            WebSearchTool("low", Place(**PLACE), ("a.example",), False, "tools[0]"),
        ),
        ({"type": "web_search", "filters": {}}, WebSearchTool(at="tools[0]")),
        ({"type": "image_generation", "quality": "low"}, ImageTool({"quality": "low"}, "tools[0]")),
    ],
)
def test_tools(raw: Any, tool: Tool) -> None:
    assert make_request(tools=[raw]).tools == (tool,)


def test_legacy_functions_are_tools() -> None:
    actual = make_request(functions=[{"name": "f", "parameters": SCHEMA}], function_call={"name": "f"})
    assert actual.tools == (FunctionTool("f", None, SCHEMA, None, "functions[0]"),)
    assert actual.tool_choice == ToolChoice("required", (ToolName("function", "f"),))
    for mode in ("auto", "none"):
        assert make_request(functions=[{"name": "f"}], function_call=mode).tool_choice == ToolChoice(mode)


@pytest.mark.parametrize(
    ("options", "tool"),
    [
        ({}, WebSearchTool(at="web_search_options")),
        (
            {"search_context_size": "high", "user_location": {"type": "approximate", "approximate": PLACE}},
            WebSearchTool("high", Place(**PLACE), at="web_search_options"),
        ),
    ],
)
def test_the_search_option_is_a_tool(options: Any, tool: WebSearchTool) -> None:
    assert make_request(web_search_options=options, tools=[FUNCTION]).tools == (
        FunctionTool("f", at="tools[0].function"),
        tool,
    )


ALL = [FUNCTION, CUSTOM, {"type": "web_search"}, {"type": "image_generation"}]


def allowed(mode: str, *tools: Any) -> dict[str, Any]:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": list(tools)}}


@pytest.mark.parametrize(
    ("raw", "choice"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        (FUNCTION, ToolChoice("required", (ToolName("function", "f"),))),
        (CUSTOM, ToolChoice("required", (ToolName("custom", "sql"),))),
        ({"type": "web_search_preview"}, ToolChoice("required", (ToolName("web_search"),))),
        (
            allowed("auto", FUNCTION, CUSTOM, FUNCTION),
            ToolChoice("auto", (ToolName("function", "f"), ToolName("custom", "sql"))),
        ),
        (
            allowed("required", {"type": "image_generation"}, FUNCTION),
            ToolChoice("required", (ToolName("image_generation"), ToolName("function", "f"))),
        ),
    ],
)
def test_tool_choices(raw: Any, choice: ToolChoice) -> None:
    assert make_request(tools=ALL, tool_choice=raw).tool_choice == choice


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"tools": {}}, "tools", "invalid_type"),
        ({"tools": [{"type": "file_search"}]}, "tools[0].type", "unsupported_tool"),
        ({"tools": [FUNCTION, {"type": "mcp", "tools": [{"type": "function"}]}]}, "tools[1].type", "unsupported_tool"),
        ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
        ({"tools": [{"type": "function", "name": "f"}]}, "tools[0].name", "unknown_parameter"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "x": 1}}]},
            "tools[0].function.x",
            "unknown_parameter",
        ),
        ({"tools": [FUNCTION], "functions": [{"name": "f"}]}, "functions", "invalid_value"),
        ({"functions": [{}]}, "functions[0].name", "missing_required_parameter"),
        ({"web_search_options": {"filters": {}}}, "web_search_options.filters", "unknown_parameter"),
        ({"web_search_options": 5}, "web_search_options", "invalid_type"),
        ({"tools": [FUNCTION], "tool_choice": "any"}, "tool_choice", "invalid_value"),
        ({"tools": [FUNCTION], "tool_choice": 5}, "tool_choice", "invalid_type"),
        ({"tools": [FUNCTION], "tool_choice": CUSTOM}, "tool_choice", "invalid_value"),
        ({"tool_choice": FUNCTION}, "tool_choice", "invalid_value"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function"}}, "tool_choice", "invalid_value"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "mcp"}}, "tool_choice", "invalid_value"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools", "invalid_value"),
        ({"tools": [FUNCTION], "tool_choice": allowed("auto")}, "tool_choice.allowed_tools", "invalid_value"),
        (
            {"tools": [FUNCTION], "tool_choice": allowed("none", FUNCTION)},
            "tool_choice.allowed_tools.mode",
            "invalid_value",
        ),
        (
            {"tools": [FUNCTION], "tool_choice": allowed("auto", {"type": "custom"})},
            "tool_choice.allowed_tools.tools[0]",
            "invalid_value",
        ),
        ({"functions": [{"name": "f"}], "function_call": "required"}, "function_call", "invalid_value"),
        ({"functions": [{"name": "f"}], "function_call": {"name": "g"}}, "function_call", "invalid_value"),
        ({"tools": [FUNCTION], "tool_choice": "auto", "function_call": "auto"}, "function_call", "invalid_value"),
    ],
)
def test_invalid_tools_are_rejected(members: dict[str, Any], param: str, code: str) -> None:
    assert refused(**members) == (param, code)


@pytest.mark.parametrize("members", [{}, {"type": None}, {"type": "function", "defer_loading": True}])
def test_a_function_needs_no_type(members: dict[str, Any]) -> None:
    assert make_request(tools=[{"function": {"name": "f"}, **members}]).tools == (
        FunctionTool("f", at="tools[0].function"),
    )
