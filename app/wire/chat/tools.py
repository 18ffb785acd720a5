"""Reads chat's tools, legacy functions and tool choices into the canonical form.

Rule: a choice may only name tools that the request offers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from app.wire.cache_control import cache_of
from app.wire.canonical import CustomTool, FunctionTool, ImageTool, Place, Tool, ToolChoice, ToolName, WebSearchTool
from app.wire.chat.shapes import (
    ChoiceShape,
    ChosenTool,
    CustomToolShape,
    FunctionDefinition,
    FunctionToolShape,
    GrammarFormat,
    Named,
    SearchOptions,
    SearchToolShape,
    UserLocation,
)
from app.wire.exchange import RequestError
from app.wire.request import TOOL_ALIASES, raw_member, tool_uses
from app.wire.splice import Members
from app.wire.strict import invalid, strict

_raws = msgspec.json.Decoder(list[msgspec.Raw])
_function = msgspec.json.Decoder(FunctionToolShape)
_functions = msgspec.json.Decoder(list[FunctionDefinition])
_custom = msgspec.json.Decoder(CustomToolShape)
_search = msgspec.json.Decoder(SearchToolShape)
_search_options = msgspec.json.Decoder(SearchOptions)
_options = msgspec.json.Decoder(dict[str, Any])
_choice = msgspec.json.Decoder(str | ChoiceShape)
_function_choice = msgspec.json.Decoder(str | Named)

TOOL_TYPES: Final = "function, custom, web_search, image_generation"


def read_tools(fields: Members) -> tuple[Tool, ...]:
    """Tools in all three forms."""
    tools, functions = raw_member(fields, "tools"), raw_member(fields, "functions")
    if tools is not None and functions is not None:
        raise invalid("functions", "It cannot be combined with 'tools'.")
    found: list[Tool] = []
    if tools is not None:
        uses = [use for use in tool_uses(fields, untyped_functions=True) if use.param.count("[") == 1]
        raws = strict(tools, _raws, "tools")
        for use, raw in zip(uses, raws, strict=True):
            found.append(_tool(use.name, raw, use.param.removesuffix(".type")))
    if functions is not None:
        listed = strict(functions, _functions, "functions")
        for index, function in enumerate(listed):
            found.append(_function_tool(function, f"functions[{index}]"))
    if (search := raw_member(fields, "web_search_options")) is not None:
        found.append(_search_option(search))
    return tuple(found)


def read_choice(fields: Members, tools: tuple[Tool, ...]) -> ToolChoice | None:
    raw, legacy = raw_member(fields, "tool_choice"), raw_member(fields, "function_call")
    if raw is not None and legacy is not None:
        raise invalid("function_call", "It cannot be combined with 'tool_choice'.")
    if raw is not None:
        choice, param = _chosen(strict(raw, _choice, "tool_choice")), "tool_choice"
    elif legacy is not None:
        choice, param = _legacy_choice(strict(legacy, _function_choice, "function_call")), "function_call"
    else:
        return None
    offered = {_name_of(tool) for tool in tools}
    for name in choice.only:
        if name not in offered:
            raise invalid(param, "It names a tool that the request does not offer.")
    return choice


def _tool(kind: str, raw: msgspec.Raw, at: str) -> Tool:
    read = _READERS.get(kind)
    if read is None:
        message = f"Unsupported tool type at '{at}.type'. This endpoint supports: {TOOL_TYPES}."
        raise RequestError(message, param=f"{at}.type", code="unsupported_tool")
    return read(raw, at)


def _function_tool(function: FunctionDefinition, at: str) -> FunctionTool:
    cache = cache_of(function.cache_control)
    return FunctionTool(function.name, function.description, function.parameters, function.strict, at, cache)


def _listed_function(shape: FunctionToolShape, at: str) -> FunctionTool:
    tool = _function_tool(shape.function, at)
    return msgspec.structs.replace(tool, cache=cache_of(shape.cache_control) or tool.cache)


def _custom_tool(raw: msgspec.Raw, at: str) -> CustomTool:
    """Chat puts a grammar's members into a separate object."""
    custom = strict(raw, _custom, at).custom
    form: dict[str, Any] | None = None if custom.format is None else {"type": "text"}
    if isinstance(custom.format, GrammarFormat):
        grammar = custom.format.grammar
        form = {"type": "grammar", "syntax": grammar.syntax, "definition": grammar.definition}
    return CustomTool(custom.name, custom.description, form, at)


def _search_tool(raw: msgspec.Raw, at: str) -> WebSearchTool:
    shape = strict(raw, _search, at)
    domains = shape.filters.allowed_domains if shape.filters is not None else None
    return WebSearchTool(
        context_size=shape.search_context_size,
        place=_place(shape.user_location),
        allowed_domains=tuple(domains or ()),
        external_access=shape.external_web_access,
        at=at,
        cache=cache_of(shape.cache_control),
    )


def _search_option(raw: msgspec.Raw) -> WebSearchTool:
    at = "web_search_options"
    shape = strict(raw, _search_options, at)
    return WebSearchTool(context_size=shape.search_context_size, place=_place(shape.user_location), at=at)


def _place(location: UserLocation | None) -> Place | None:
    if location is None:
        return None
    found = location.approximate or location
    return Place(found.city, found.country, found.region, found.timezone)


def _image_tool(raw: msgspec.Raw, at: str) -> ImageTool:
    options = strict(raw, _options, at)
    return ImageTool({name: value for name, value in options.items() if name != "type"}, at)


_READERS: Final[Mapping[str, Callable[[msgspec.Raw, str], Tool]]] = {
    "function": lambda raw, at: _listed_function(strict(raw, _function, at), f"{at}.function"),
    "custom": _custom_tool,
    "web_search": _search_tool,
    "image_generation": _image_tool,
}


def _chosen(choice: str | ChoiceShape) -> ToolChoice:
    match choice:
        case "auto" | "none" | "required":
            return ToolChoice(choice)
        case str():
            raise invalid("tool_choice", "Expected 'none', 'auto', 'required' or an object.")
        case ChoiceShape(type="allowed_tools"):
            return _allowed(choice)
        case _:
            return ToolChoice("required", (_tool_name(choice, "tool_choice"),))


def _allowed(choice: ChoiceShape) -> ToolChoice:
    allowed = choice.allowed_tools
    if allowed is None or not allowed.tools:
        raise invalid("tool_choice.allowed_tools", "Expected at least one tool.")
    where = "tool_choice.allowed_tools.tools"
    names = (_tool_name(tool, f"{where}[{index}]") for index, tool in enumerate(allowed.tools))
    return ToolChoice(allowed.mode, tuple(dict.fromkeys(names)))


def _tool_name(tool: ChosenTool | ChoiceShape, at: str) -> ToolName:
    kind = TOOL_ALIASES.get(tool.type, tool.type)
    if kind in ("web_search", "image_generation"):
        return ToolName(kind)
    named = {"function": tool.function, "custom": tool.custom}.get(kind)
    if named is None:
        raise invalid(at, "Expected a supported tool type, with a name if it is a function or custom tool.")
    return ToolName(kind, named.name)


def _legacy_choice(choice: str | Named) -> ToolChoice:
    match choice:
        case "auto" | "none":
            return ToolChoice(choice)
        case str():
            raise invalid("function_call", "Expected 'none', 'auto' or an object.")
        case _:
            return ToolChoice("required", (ToolName("function", choice.name),))


def _name_of(tool: Tool) -> ToolName:
    match tool:
        case FunctionTool():
            return ToolName("function", tool.name)
        case CustomTool():
            return ToolName("custom", tool.name)
        case WebSearchTool():
            return ToolName("web_search")
        case _:
            return ToolName("image_generation")
