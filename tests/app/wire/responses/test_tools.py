"""Tools of a Responses request and its tool choice."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.canonical import (
    CacheControl,
    CanonicalRequest,
    CustomTool,
    FunctionTool,
    ImageTool,
    Place,
    Tool,
    ToolChoice,
    ToolName,
    WebSearchTool,
    bare,
)
from app.wire.request import TOOLS_MAX
from tests.support.wire.responses.responses_requests import (
    FUNCTION,
    LACKING,
    MISSING,
    SCHEMA,
    TOOLS,
    UNKNOWN,
    VALUE,
    WRONG,
    read,
    refused,
)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (FUNCTION, FunctionTool("f", "d", SCHEMA, True)),
        ({"type": "function", "name": "f", "parameters": None, "strict": None}, FunctionTool("f")),
        ({"type": "custom", "name": "f"}, CustomTool("f")),
        (
            {"type": "custom", "name": "f", "description": "d", "format": {"type": "text"}},
            CustomTool("f", "d", {"type": "text"}),
        ),
        (
            {"type": "custom", "name": "f", "format": {"type": "grammar", "syntax": "lark", "definition": "g"}},
            CustomTool("f", None, {"type": "grammar", "syntax": "lark", "definition": "g"}),
        ),
        ({"type": "web_search"}, WebSearchTool()),
        ({"type": "web_search_preview", "search_content_types": ["text"]}, WebSearchTool()),
        ({"type": "web_search_2025_08_26", "filters": None, "user_location": None}, WebSearchTool()),
        (
            {
                "type": "web_search",
                "search_context_size": "low",
                "user_location": {"type": "approximate", "city": "Oslo", "country": "NO"},
                "filters": {"allowed_domains": ["a.org"]},
                "external_web_access": True,
            },
            WebSearchTool("low", Place("Oslo", "NO"), ("a.org",), True),
        ),
        (
            {"type": "web_search", "external_web_access": False, "index_gated_web_access": True},
            WebSearchTool(external_access=False),
        ),
        ({"type": "web_search", "filters": {}, "user_location": {"type": "approximate"}}, WebSearchTool(place=Place())),
        ({"type": "image_generation"}, ImageTool()),
        (
            {"type": "image_generation", "size": "1024x1024", "quality": "low", "partial_images": 2, "model": None},
            ImageTool({"size": "1024x1024", "quality": "low", "partial_images": 2}),
        ),
    ],
)
def test_tools(raw: Any, expected: Tool) -> None:
    tools = read(tools=[raw]).tools
    assert bare(CanonicalRequest("responses", "m", (), tools=tools)) == bare(
        CanonicalRequest("responses", "m", (), tools=(expected,))
    )
    assert tools[0].at == "tools[0]"


F, C, SEARCH = ToolName("function", "f"), ToolName("custom", "c"), ToolName("web_search")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "f"}, ToolChoice("required", (F,))),
        ({"type": "custom", "name": "c"}, ToolChoice("required", (C,))),
        ({"type": "web_search_preview"}, ToolChoice("required", (SEARCH,))),
        ({"type": "web_search"}, ToolChoice("required", (SEARCH,))),
        ({"type": "image_generation"}, ToolChoice("required", (ToolName("image_generation"),))),
        (
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
            },
            ToolChoice("auto", (F, SEARCH)),
        ),
    ],
)
def test_choices(raw: Any, expected: ToolChoice) -> None:
    assert read(tools=TOOLS, tool_choice=raw).tool_choice == expected


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"tools": {}}, "tools", WRONG),
        ({"tools": [1]}, "tools[0]", WRONG),
        ({"tools": [{}]}, "tools[0].type", MISSING),
        ({"tools": [{"type": 1}]}, "tools[0].type", "unsupported_tool"),
        ({"tools": [FUNCTION, {"type": "file_search"}]}, "tools[1].type", "unsupported_tool"),
        ({"tools": [{"type": "web_search"}] * (TOOLS_MAX + 1)}, "tools", "array_above_max_length"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0].function", UNKNOWN),
        ({"tools": [{"type": "function", "name": ""}]}, "tools[0].name", VALUE),
        ({"tools": [{"type": "custom"}]}, "tools[0].name", MISSING),
        ({"tools": [{"type": "tool_search"}]}, "tools[0].type", "unsupported_tool"),
        ({"tools": [FUNCTION | {"async": True}]}, "tools[0].async", LACKING),
        ({"tools": [{"type": "image_generation", "quality": 1}]}, "tools[0].quality", WRONG),
        ({"tools": [{"type": "web_search", "search_context_size": "x"}]}, "tools[0].search_context_size", VALUE),
        ({"tool_choice": "any"}, "tool_choice", VALUE),
        ({"tool_choice": 1}, "tool_choice", WRONG),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name", MISSING),
        ({"tool_choice": {"type": "function", "name": "f"}}, "tool_choice", VALUE),
        ({"tool_choice": {"type": "web_search", "mode": "auto"}}, "tool_choice.mode", UNKNOWN),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice", VALUE),
        ({"tool_choice": {"type": "allowed_tools", "tools": []}}, "tool_choice.mode", MISSING),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto"}}, "tool_choice.tools", MISSING),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}}, "tool_choice.tools", "empty_array"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "name": "x"}}, "tool_choice.name", UNKNOWN),
        (
            {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "x"}]}},
            "tool_choice.tools[0]",
            VALUE,
        ),
    ],
)
def test_errors_name_the_path(members: Any, param: str, code: str) -> None:
    assert refused(**members) == (param, code)


HOUR = {"type": "ephemeral", "ttl": "1h"}
IN_NAMESPACE = [{"type": "function", "name": "f", "defer_loading": True}, {"type": "custom", "name": "c"}]
NAMESPACES: list[Any] = [
    {"type": "namespace", "name": "n", "description": "About n.", "tools": IN_NAMESPACE},
    {"type": "namespace", "name": "o", "tools": [{"type": "function", "name": "f", "description": "Own."}]},
    {"type": "function", "name": "g"},
]


def test_the_tools_of_a_namespace_are_tools_of_their_own() -> None:
    request = read(tools=NAMESPACES)
    assert request.tools == (
        FunctionTool("n__f", "n: About n.", at="tools[0].tools[0]"),
        CustomTool("n__c", at="tools[0].tools[1]"),
        FunctionTool("o__f", "Own.", at="tools[1].tools[0]"),
        FunctionTool("g", at="tools[2]"),
    )
    assert request.namespaces == {"n__f": ("n", "f"), "n__c": ("n", "c"), "c": ("n", "c"), "o__f": ("o", "f")}


def test_a_mark_on_a_namespace_is_on_its_last_function() -> None:
    marked = {**NAMESPACES[0], "tools": [*IN_NAMESPACE[:1], {"type": "function", "name": "l"}], "cache_control": HOUR}
    tools = read(tools=[marked]).tools
    assert [tool.cache for tool in tools if isinstance(tool, FunctionTool)] == [None, CacheControl("1h")]
    assert len(read(tools=[{**NAMESPACES[0], "cache_control": HOUR}]).tools) == 2


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "function", "namespace": "o", "name": "f"}, [("function", "o__f")]),
        ({"type": "custom", "name": "c"}, [("custom", "n__c")]),
        ({"type": "function", "name": "g"}, [("function", "g")]),
        ({"type": "namespace", "name": "n"}, [("function", "n__f"), ("custom", "n__c")]),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "namespace", "name": "o"}]},
            [("function", "o__f")],
        ),
    ],
)
def test_a_choice_names_tools_of_namespaces(choice: Any, names: list[tuple[str, str]]) -> None:
    only = tuple(ToolName(kind, name) for kind, name in names)
    assert read(tools=NAMESPACES, tool_choice=choice).tool_choice == ToolChoice("required", only)


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"tool_choice": {"type": "function", "name": "f"}}, "tool_choice", VALUE),
        ({"tool_choice": {"type": "function", "namespace": "x", "name": "f"}}, "tool_choice", VALUE),
        ({"tool_choice": {"type": "namespace"}}, "tool_choice.name", MISSING),
        ({"tool_choice": {"type": "namespace", "name": "x"}}, "tool_choice", VALUE),
        ({"tools": [{"type": "namespace", "tools": []}]}, "tools[0].name", MISSING),
        ({"tools": [{"type": "namespace", "name": "", "tools": []}]}, "tools[0].name", VALUE),
        ({"tools": [{"type": "namespace", "name": "n"}]}, "tools[0].tools", MISSING),
        (
            {"tools": [NAMESPACES[0] | {"tools": [{"type": "web_search"}]}]},
            "tools[0].tools[0].type",
            "unsupported_tool",
        ),
        ({"tools": [NAMESPACES[0] | {"tools": [NAMESPACES[1]]}]}, "tools[0].tools[0].type", "unsupported_tool"),
        ({"tools": [NAMESPACES[0] | {"tools": IN_NAMESPACE * TOOLS_MAX}]}, "tools", "array_above_max_length"),
    ],
)
def test_errors_of_namespaces_name_the_path(members: Any, param: str, code: str) -> None:
    assert refused(**{"tools": NAMESPACES, **members}) == (param, code)
