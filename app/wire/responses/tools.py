"""Reads the tools of a Responses request and its tool choice into the canonical form.

Rule 1: a tool type that other vendors cannot run is rejected by its path, with code `unsupported_tool`.
Rule 2: a choice may only name tools of the request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from app.wire.cache_control import cache_of
from app.wire.canonical import CustomTool, FunctionTool, ImageTool, Place, Tool, ToolChoice, ToolName, WebSearchTool
from app.wire.exchange import RequestError
from app.wire.request import NAME_LENGTH_MAX, TOOL_ALIASES, TOOLS_MAX, missing, raw_member, unsupported
from app.wire.responses.shapes import (
    ChoiceShape,
    ChosenTool,
    CustomToolShape,
    FunctionToolShape,
    ImageToolShape,
    OwnToolShape,
    SearchToolShape,
)
from app.wire.splice import Members
from app.wire.strict import invalid, strict

_MODES: Final = ("auto", "none", "required")
_NAMED: Final = ("function", "custom")


class _Kind(msgspec.Struct):
    type: Any = None


_raws = msgspec.json.Decoder(list[msgspec.Raw])
_kind = msgspec.json.Decoder(_Kind)
_function = msgspec.json.Decoder(FunctionToolShape)
_custom = msgspec.json.Decoder(CustomToolShape)
_search = msgspec.json.Decoder(SearchToolShape)
_image = msgspec.json.Decoder(ImageToolShape)
_choice = msgspec.json.Decoder(str | ChoiceShape)


def read_tools(fields: Members) -> tuple[Tool, ...]:
    raw = raw_member(fields, "tools")
    raws = strict(raw, _raws, "tools") if raw is not None else []
    if len(raws) > TOOLS_MAX:
        message = f"Invalid 'tools': more than {TOOLS_MAX} tools."
        raise RequestError(message, param="tools", code="array_above_max_length")
    return tuple(_tool(each, f"tools[{index}]") for index, each in enumerate(raws))


def _tool(raw: msgspec.Raw, at: str) -> Tool:
    kind = strict(raw, _kind, at).type
    if kind is None:
        raise missing(f"{at}.type")
    read = _READERS.get(TOOL_ALIASES.get(kind, kind)) if isinstance(kind, str) else None
    if read is None:
        shown = str(kind)[:NAME_LENGTH_MAX]
        message = f"Unsupported tool type '{shown}' at '{at}.type'. This model supports: {', '.join(_READERS)}."
        raise RequestError(message, param=f"{at}.type", code="unsupported_tool")
    return read(raw, at)


def _read_function(raw: msgspec.Raw, at: str) -> Tool:
    tool = strict(raw, _function, at)
    return FunctionTool(
        _name(tool, at), tool.description, tool.parameters, tool.strict, at, cache_of(tool.cache_control)
    )


def _read_custom(raw: msgspec.Raw, at: str) -> Tool:
    tool = strict(raw, _custom, at)
    form = None if tool.format is None else msgspec.to_builtins(tool.format)
    return CustomTool(_name(tool, at), tool.description, form, at)


def _read_search(raw: msgspec.Raw, at: str) -> Tool:
    tool = strict(raw, _search, at)
    user = tool.user_location
    return WebSearchTool(
        context_size=tool.search_context_size,
        place=Place(user.city, user.country, user.region, user.timezone) if user else None,
        allowed_domains=tuple((tool.filters and tool.filters.allowed_domains) or ()),
        external_access=tool.external_web_access,
        at=at,
        cache=cache_of(tool.cache_control),
    )


def _read_image(raw: msgspec.Raw, at: str) -> Tool:
    members = msgspec.to_builtins(strict(raw, _image, at))
    return ImageTool({name: value for name, value in members.items() if name != "type" and value is not None}, at)


def _name(tool: OwnToolShape, at: str) -> str:
    for member, value in (("defer_loading", tool.defer_loading), ("async", tool.in_background)):
        if value:
            raise unsupported(f"{at}.{member}", "This model does not support deferred or asynchronous tools.")
    if not tool.name:
        raise invalid(f"{at}.name", "It is empty.")
    return tool.name


_READERS: Final[Mapping[str, Callable[[msgspec.Raw, str], Tool]]] = {
    "function": _read_function,
    "custom": _read_custom,
    "web_search": _read_search,
    "image_generation": _read_image,
}


# -- Choices


def read_choice(fields: Members, tools: tuple[Tool, ...]) -> ToolChoice | None:
    raw = raw_member(fields, "tool_choice")
    if raw is None:
        return None
    choice = strict(raw, _choice, "tool_choice")
    if isinstance(choice, ChoiceShape):
        return _chosen(choice, {_named(tool) for tool in tools})
    for mode in _MODES:
        if choice == mode:
            return ToolChoice(mode)
    raise invalid("tool_choice", f"'{choice[:NAME_LENGTH_MAX]}' is not a supported value.")


def _chosen(choice: ChoiceShape, known: set[ToolName]) -> ToolChoice:
    if choice.type != "allowed_tools":
        _reject_members(choice, "mode", "tools")
        return ToolChoice("required", (_one(ChosenTool(choice.type, choice.name), known, "tool_choice"),))
    _reject_members(choice, "name")
    if choice.mode is None or choice.tools is None:
        raise missing("tool_choice.mode" if choice.mode is None else "tool_choice.tools")
    if not choice.tools:
        raise RequestError("Invalid 'tool_choice.tools': empty array.", param="tool_choice.tools", code="empty_array")
    only = (_one(each, known, f"tool_choice.tools[{index}]") for index, each in enumerate(choice.tools))
    return ToolChoice(choice.mode, tuple(only))


def _reject_members(choice: ChoiceShape, *names: str) -> None:
    """Raises RequestError for members that belong to a different kind of choice."""
    for name in names:
        if getattr(choice, name) is not None:
            param = f"tool_choice.{name}"
            raise RequestError(f"Unknown parameter: '{param}'.", param=param, code="unknown_parameter")


def _one(tool: ChosenTool, known: set[ToolName], at: str) -> ToolName:
    kind = TOOL_ALIASES.get(tool.type, tool.type)
    if kind in _NAMED and tool.name is None:
        raise missing(f"{at}.name")
    chosen = ToolName(kind, tool.name if kind in _NAMED else None)
    if chosen not in known:
        shown = f"{kind} '{tool.name}'" if kind in _NAMED else kind
        raise invalid(at, f"The request does not offer the tool {shown[:NAME_LENGTH_MAX]}.")
    return chosen


def _named(tool: Tool) -> ToolName:
    if isinstance(tool, FunctionTool):
        return ToolName("function", tool.name)
    if isinstance(tool, CustomTool):
        return ToolName("custom", tool.name)
    return ToolName("web_search" if isinstance(tool, WebSearchTool) else "image_generation")
