from __future__ import annotations

from typing import Any

import pytest

from app.wire.canonical import CustomTool, FunctionTool, ImageTool, Place, Tool, ToolChoice, ToolName, WebSearchTool
from tests.support.wire.anthropic.anthropic_requests import OLD, body, make_request, refused

AT = "tools[0]"
F, G = FunctionTool("f", at="tools[0]"), FunctionTool("g", at="tools[1]")
SEARCH = WebSearchTool(at="tools[2]")
OBJECT = {"type": "object", "properties": {"a": {"type": "string", "minLength": 1}}, "required": ["a"]}


def tool(made: Tool, **members: Any) -> Any:
    return body(make_request(tools=(made,)), **members)["tools"][0]


def offered(made: dict[str, Any]) -> list[str]:
    return [each["name"] for each in made.get("tools", [])]


def choice(
    mode: Any, *only: ToolName, tools: tuple[Tool, ...] = (F, G, SEARCH), **members: Any
) -> tuple[list[str], Any]:
    made = body(make_request(tools=tools, tool_choice=ToolChoice(mode, only), **members))
    return offered(made), made.get("tool_choice")


# -- Functions ------------------------------------------------------------------------------------------------------------


def test_a_function() -> None:
    made = tool(FunctionTool("f", "Does it.", OBJECT, strict=False))
    assert made == {"name": "f", "description": "Does it.", "input_schema": OBJECT}


@pytest.mark.parametrize("parameters", [None, {}])
def test_a_function_without_parameters_takes_the_empty_object(parameters: Any) -> None:
    assert tool(FunctionTool("f", parameters=parameters)) == {
        "name": "f",
        "input_schema": {"type": "object", "properties": {}},
    }


def test_a_function_takes_an_object() -> None:
    assert tool(FunctionTool("f", parameters={"properties": {}}))["input_schema"]["type"] == "object"
    assert refused(make_request(tools=(FunctionTool("f", parameters={"type": "string"}, at=AT),))) == f"{AT}.parameters"


def test_a_strict_function_is_written_in_the_subset() -> None:
    assert tool(FunctionTool("f", parameters=OBJECT, strict=True)) == {
        "name": "f",
        "input_schema": {
            "type": "object",
            "properties": {"a": {"type": "string", "description": '{"minLength":1}'}},
            "required": ["a"],
            "additionalProperties": False,
        },
        "strict": True,
    }


def test_a_strict_function_without_parameters() -> None:
    made = tool(FunctionTool("f", strict=True))["input_schema"]
    assert made == {"type": "object", "properties": {}, "additionalProperties": False}


def test_a_schema_that_cannot_be_strict_is_rejected() -> None:
    strict = FunctionTool("f", parameters={"properties": {"a": {}}}, strict=True, at=AT)
    assert refused(make_request(tools=(strict,))) == f"{AT}.parameters"
    assert refused(make_request(tools=(FunctionTool("f", strict=True, at=AT),)), OLD) == f"{AT}.strict"


@pytest.mark.parametrize("other", [CustomTool("c", at=AT), ImageTool(at=AT)])
def test_other_tools_are_rejected(other: Tool) -> None:
    assert refused(make_request(tools=(other,))) == AT


# -- Web search -----------------------------------------------------------------------------------------------------------


def test_web_search() -> None:
    assert tool(WebSearchTool()) == {"type": "web_search_20250305", "name": "web_search"}
    place = Place(city="Toronto", country="CA", timezone="America/Toronto")
    full = WebSearchTool("medium", place, ("example.com", "example.org"), external_access=True)
    assert tool(full, max_tool_calls=3) == {
        "type": "web_search_20250305",
        "name": "web_search",
        "max_uses": 3,
        "allowed_domains": ["example.com", "example.org"],
        "user_location": {"type": "approximate", "city": "Toronto", "country": "CA", "timezone": "America/Toronto"},
    }
    assert "user_location" not in tool(WebSearchTool(place=Place()))


def test_web_search_is_not_offered_without_calls() -> None:
    made = body(make_request(tools=(SEARCH,)), max_tool_calls=0)
    assert "tools" not in made
    assert refused(make_request(tools=(SEARCH,), tool_choice=ToolChoice("required")), max_tool_calls=0) == "tool_choice"


def test_unsupported_search_options_are_rejected() -> None:
    assert refused(make_request(tools=(WebSearchTool("high", at=AT),))) == f"{AT}.search_context_size"
    assert refused(make_request(tools=(WebSearchTool(external_access=False, at=AT),))) == f"{AT}.external_web_access"
    assert refused(make_request(tools=(SEARCH, SEARCH))) == "tools"


# -- The choice -----------------------------------------------------------------------------------------------------------

ALL = ["f", "g", "web_search"]


def test_without_a_choice_none_is_written() -> None:
    assert "tool_choice" not in body(make_request(tools=(F,)))
    assert choice("auto") == (ALL, None)


def test_modes() -> None:
    assert choice("none") == (ALL, {"type": "none"})
    assert choice("required") == (ALL, {"type": "any"})


def test_a_forced_tool_is_the_only_one() -> None:
    assert choice("required", ToolName("function", "g")) == (["g"], {"type": "tool", "name": "g"})
    assert choice("required", ToolName("web_search")) == (["web_search"], {"type": "tool", "name": "web_search"})


def test_allowed_tools_are_those_that_are_offered() -> None:
    only = (ToolName("function", "g"), ToolName("web_search"))
    assert choice("auto", *only) == (["g", "web_search"], None)
    assert choice("required", *only) == (["g", "web_search"], {"type": "any"})


@pytest.mark.parametrize(
    "name", [ToolName("function", "x"), ToolName("custom", "c"), ToolName("image_generation"), ToolName("function")]
)
def test_a_choice_of_a_missing_tool_is_rejected(name: ToolName) -> None:
    assert refused(make_request(tools=(F,), tool_choice=ToolChoice("auto", (name,)))) == "tool_choice"


def test_web_search_must_be_offered_to_be_chosen() -> None:
    assert refused(make_request(tools=(F,), tool_choice=ToolChoice("auto", (ToolName("web_search"),)))) == "tool_choice"


def test_without_tools_there_is_no_choice() -> None:
    for mode in ("auto", "none"):
        assert choice(mode, tools=()) == ([], None)
    assert refused(make_request(tool_choice=ToolChoice("required"))) == "tool_choice"


def test_one_call_at_a_time() -> None:
    one = {"disable_parallel_tool_use": True}
    assert choice("auto", parallel_tool_calls=False) == (ALL, {"type": "auto", **one})
    assert choice("required", parallel_tool_calls=False) == (ALL, {"type": "any", **one})
    assert choice("none", parallel_tool_calls=False) == (ALL, {"type": "none"})
    assert choice("auto", parallel_tool_calls=True) == (ALL, None)
    forced = choice("required", ToolName("function", "f"), parallel_tool_calls=False)
    assert forced == (["f"], {"type": "tool", "name": "f", **one})
