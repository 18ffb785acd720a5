"""Tools and tool choices written for Gemini."""

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
from tests.support.wire.gemini.gemini_requests import body, config, make_request, refused, target

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
F = FunctionTool("weather", "The weather.", SCHEMA, at="tools[0]")
G = FunctionTool("now", at="tools[1]")
SEARCH = WebSearchTool(at="tools[0]")
IMAGE = ImageTool(at="tools[0]")
DECLARED = [{"name": "weather", "description": "The weather.", "parametersJsonSchema": SCHEMA}, {"name": "now"}]


def function(name: str) -> ToolName:
    return ToolName("function", name)


def members(*tools: Tool, **fields: Any) -> dict[str, Any]:
    written = body(make_request(tools=tools, **fields))
    return {name: written[name] for name in ("tools", "toolConfig") if name in written}


def calling(mode: str, *names: str) -> dict[str, Any]:
    allowed = {"allowedFunctionNames": list(names)} if names else {}
    return {"functionCallingConfig": {"mode": mode, **allowed}}


def test_functions_are_declared() -> None:
    assert members(F, G) == {"tools": [{"functionDeclarations": DECLARED}]}
    assert members() == {}


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice("auto"), calling("AUTO")),
        (ToolChoice("none"), calling("NONE")),
        (ToolChoice("none", (function("now"),)), calling("NONE")),
        (ToolChoice("required"), calling("ANY")),
        (ToolChoice("required", (function("now"),)), calling("ANY", "now")),
        (ToolChoice("auto", (function("now"),)), calling("VALIDATED", "now")),
    ],
)
def test_a_choice_is_a_mode_with_names(choice: ToolChoice, config: dict[str, Any]) -> None:
    written = members(F, G, tool_choice=choice)
    assert written == {"tools": [{"functionDeclarations": DECLARED}], "toolConfig": config}


@pytest.mark.parametrize(
    ("strict", "choice", "expected"),
    [
        (True, None, {"toolConfig": calling("VALIDATED")}),
        (True, ToolChoice("auto"), {"toolConfig": calling("VALIDATED")}),
        (True, ToolChoice("required"), {"toolConfig": calling("ANY")}),
        (True, ToolChoice("none"), {"toolConfig": calling("NONE")}),
        (False, None, {}),
    ],
)
def test_a_strict_function_is_held_to_its_schema(
    strict: bool, choice: ToolChoice | None, expected: dict[str, Any]
) -> None:
    written = members(FunctionTool("f", strict=strict), G, tool_choice=choice)
    assert written.get("toolConfig") == expected.get("toolConfig")


def test_a_search_is_google_search() -> None:
    plain = WebSearchTool(context_size="medium", external_access=True)
    assert members(plain) == {"tools": [{"googleSearch": {}}]}
    assert members(SEARCH, tool_choice=ToolChoice("auto")) == {"tools": [{"googleSearch": {}}]}


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        (WebSearchTool(allowed_domains=("a.example",), at="tools[0]"), "tools[0].filters"),
        (WebSearchTool(context_size="high", at="tools[0]"), "tools[0].search_context_size"),
        (WebSearchTool(place=Place(city="Paris"), at="web_search_options"), "web_search_options.user_location"),
        (WebSearchTool(external_access=False), "external_web_access"),
    ],
)
def test_unsupported_search_options_are_named(tool: WebSearchTool, param: str) -> None:
    refused(make_request(tools=(tool,)), param)


def test_a_tool_that_may_not_be_used_is_not_offered() -> None:
    assert members(SEARCH, IMAGE, tool_choice=ToolChoice("none")) == {}
    assert members(SEARCH, F, tool_choice=ToolChoice("auto", (ToolName("web_search"),))) == {
        "tools": [{"googleSearch": {}}]
    }
    written = members(SEARCH, F, tool_choice=ToolChoice("auto", (function("weather"),)))
    assert written == {
        "tools": [{"functionDeclarations": DECLARED[:1]}],
        "toolConfig": calling("VALIDATED", "weather"),
    }


@pytest.mark.parametrize(
    ("tools", "fields", "param"),
    [
        ((F, WebSearchTool(at="tools[1]")), {}, "tools[1]"),
        ((F, ImageTool(at="tools[1]")), {}, "tools[1]"),
        ((F, CustomTool("c", at="tools[1]")), {}, "tools[1]"),
        ((IMAGE, ImageTool(at="tools[1]")), {}, "tools[1]"),
        ((SEARCH, WebSearchTool(allowed_domains=("a.example",), at="tools[1]")), {}, "tools[1]"),
        ((SEARCH,), {"max_tool_calls": 3}, "max_tool_calls"),
        ((IMAGE,), {"max_tool_calls": 3}, "max_tool_calls"),
        ((SEARCH,), {"tool_choice": ToolChoice("required")}, "tool_choice"),
        ((SEARCH, IMAGE), {"tool_choice": ToolChoice("required")}, "tool_choice"),
        ((), {"tool_choice": ToolChoice("required")}, "tool_choice"),
        ((F,), {"tool_choice": ToolChoice("required", (function("other"),))}, "tool_choice"),
        ((F,), {"tool_choice": ToolChoice("auto", (ToolName("custom", "weather"),))}, "tool_choice"),
    ],
)
def test_unsupported_tools_are_named(tools: tuple[Tool, ...], fields: dict[str, Any], param: str) -> None:
    refused(make_request(tools=tools, **fields), param)


@pytest.mark.parametrize(
    ("tools", "fields"),
    [
        ((F,), {"parallel_tool_calls": True, "max_tool_calls": 3}),
        ((F,), {"parallel_tool_calls": False, "tool_choice": ToolChoice("none")}),
        ((SEARCH,), {"parallel_tool_calls": False}),
    ],
)
def test_values_that_request_the_default_are_accepted(tools: tuple[Tool, ...], fields: dict[str, Any]) -> None:
    assert "tools" in body(make_request(tools=tools, **fields))


# -- Images ---------------------------------------------------------------------------------------------------------------


def image(**options: Any) -> tuple[Tool, ...]:
    return (ImageTool(options, at="tools[0]"),)


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        (None, None),
        ("auto", None),
        ("1024x1024", {"aspectRatio": "1:1"}),
        ("1024x1536", {"aspectRatio": "2:3"}),
        ("1536x1024", {"aspectRatio": "3:2"}),
        ("1584x672", {"aspectRatio": "21:9"}),
        ("2048x2048", {"aspectRatio": "1:1", "imageSize": "2K"}),
        ("2752x1536", {"aspectRatio": "16:9", "imageSize": "2K"}),
        ("4096x4096", {"aspectRatio": "1:1", "imageSize": "4K"}),
    ],
)
def test_a_size_becomes_an_aspect_ratio_and_a_resolution(size: str | None, shape: dict[str, str] | None) -> None:
    expected: dict[str, Any] = {"responseModalities": ["TEXT", "IMAGE"]}
    assert config(tools=image(size=size)) == expected | ({"imageConfig": shape} if shape else {})


@pytest.mark.parametrize(
    "size", ["256x256", "1025x1025", "2049x2048", "big", "x", "1024", "9" * 5000 + "x1", 7, {"a": 1}]
)
def test_an_unsupported_size_is_named(size: Any) -> None:
    refused(make_request(tools=image(size=size)), "tools[0].size")


def test_older_models_have_one_resolution() -> None:
    older = target("gemini-2.5-flash-image")
    assert config(older, tools=image(size="1536x1024"))["imageConfig"] == {"aspectRatio": "3:2"}
    assert "times" not in refused(make_request(tools=image(size="2048x2048")), "tools[0].size", older)


def test_options_that_request_the_default_are_accepted() -> None:
    free = {"quality": "auto", "background": "opaque", "partial_images": 2, "output_format": None}
    assert config(tools=image(**free)) == {"responseModalities": ["TEXT", "IMAGE"]}
    assert members(*image()) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quality", "high"),
        ("background", "transparent"),
        ("output_format", "webp"),
        ("input_image_mask", {"file_id": "x"}),
        ("model", "gpt-image-1"),
        ("partial_images", 4),
        ("moderation", ["low"]),
    ],
)
def test_unsupported_options_are_named(name: str, value: Any) -> None:
    refused(make_request(tools=image(**{name: value})), f"tools[0].{name}")


def test_a_forced_image_excludes_text() -> None:
    assert config(tools=(IMAGE,), tool_choice=ToolChoice("required")) == {"responseModalities": ["IMAGE"]}


@pytest.mark.parametrize(("tool", "named"), [(SEARCH, "web_search"), (IMAGE, "image_generation")])
def test_the_refusal_of_a_tool_next_to_functions_names_it(tool: Tool, named: str) -> None:
    message = refused(make_request(tools=(F, tool)), "tools[0]")
    assert f"supports {named} only without functions" in message
