"""Reads the tools of a Responses request and its tool choice into the canonical form.

Rule 1: a tool type that other vendors cannot run is rejected by its path, with code `unsupported_tool`.
Rule 2: a choice may only name tools of the request.
Rule 3: the tools of a namespace become plain tools (namespaces.py). The first one's description includes that of the namespace.
Rule 4: a deferred tool is offered at once. Deferring it would only save tokens: the model can do the same either way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from app.wire.cache_control import cache_of
from app.wire.canonical import CustomTool, FunctionTool, ImageTool, Place, Tool, ToolChoice, ToolName, WebSearchTool
from app.wire.exchange import RequestError
from app.wire.request import NAME_LENGTH_MAX, TOOL_ALIASES, TOOLS_MAX, missing, raw_member, unsupported
from app.wire.responses.namespaces import Namespaces
from app.wire.responses.shapes import (
    ChoiceShape,
    ChosenTool,
    CustomToolShape,
    FunctionToolShape,
    ImageToolShape,
    NamespaceShape,
    OwnToolShape,
    SearchToolShape,
)
from app.wire.splice import Members
from app.wire.strict import invalid, strict

_MODES: Final = ("auto", "none", "required")
_NAMED: Final = ("function", "custom")


class _Kind(msgspec.Struct):
    type: Any = None
    external_web_access: Any = None


_raws = msgspec.json.Decoder(list[msgspec.Raw])
_kind = msgspec.json.Decoder(_Kind)
_function = msgspec.json.Decoder(FunctionToolShape)
_custom = msgspec.json.Decoder(CustomToolShape)
_search = msgspec.json.Decoder(SearchToolShape)
_image = msgspec.json.Decoder(ImageToolShape)
_namespace = msgspec.json.Decoder(NamespaceShape)
_choice = msgspec.json.Decoder(str | ChoiceShape)


class _Found(NamedTuple):
    """A tool, and the namespace that it is in."""

    tool: Tool
    namespace: str | None


def read_tools(fields: Members) -> tuple[tuple[Tool, ...], Namespaces]:
    """The tools, and the names that those in namespaces have among them."""
    raw = raw_member(fields, "tools")
    raws = strict(raw, _raws, "tools") if raw is not None else []
    found = [each for index, tool in enumerate(raws) for each in _tools(tool, f"tools[{index}]")]
    if len(found) > TOOLS_MAX:
        message = f"Invalid 'tools': more than {TOOLS_MAX} tools."
        raise RequestError(message, param="tools", code="array_above_max_length")
    named = [(each.namespace, each.tool.name) for each in found if isinstance(each.tool, FunctionTool | CustomTool)]
    pairs = [(namespace, name) for namespace, name in named if namespace is not None]
    namespaces = Namespaces(pairs, [name for namespace, name in named if namespace is None])
    return tuple(_renamed(each, namespaces) for each in found), namespaces


def _renamed(found: _Found, namespaces: Namespaces) -> Tool:
    tool = found.tool
    if found.namespace is None or not isinstance(tool, FunctionTool | CustomTool):
        return tool
    return msgspec.structs.replace(tool, name=namespaces.flat(found.namespace, tool.name))


def _tools(raw: msgspec.Raw, at: str) -> list[_Found]:
    """The tool, or the tools in it if it is a namespace."""
    kind = _kind_of(raw, at).type
    if kind != "namespace":
        return [_Found(_tool(raw, at, _READERS), None)]
    shape = strict(raw, _namespace, at)
    if not shape.name:
        raise invalid(f"{at}.name", "It is empty.")
    tools = [_tool(each, f"{at}.tools[{index}]", _IN_NAMESPACES) for index, each in enumerate(shape.tools)]
    if tools and shape.description:
        tools[0] = _described(tools[0], f"{shape.name}: {shape.description}")
    if tools and shape.cache_control is not None and isinstance(tools[-1], FunctionTool):
        tools[-1] = msgspec.structs.replace(tools[-1], cache=cache_of(shape.cache_control))
    return [_Found(tool, shape.name) for tool in tools]


def _described(tool: Tool, about: str) -> Tool:
    assert isinstance(tool, FunctionTool | CustomTool), "namespaces contain only the client's own tools"
    return msgspec.structs.replace(tool, description=f"{about}\n\n{tool.description}" if tool.description else about)


def _kind_of(raw: msgspec.Raw, at: str) -> _Kind:
    kind = strict(raw, _kind, at)
    if kind.type is None:
        raise missing(f"{at}.type")
    return kind


def _tool(raw: msgspec.Raw, at: str, readers: Readers) -> Tool:
    kind = _kind_of(raw, at).type
    read = readers.get(TOOL_ALIASES.get(kind, kind)) if isinstance(kind, str) else None
    if read is None:
        shown = str(kind)[:NAME_LENGTH_MAX]
        supported = ", ".join(readers if readers is _IN_NAMESPACES else [*readers, "namespace"])
        message = f"Unsupported tool type '{shown}' at '{at}.type'. This model supports: {supported}."
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
    """A search that may only use a cache is left out, so its other members are not read."""
    if _kind_of(raw, at).external_web_access is False:
        return WebSearchTool(external_access=False, at=at)
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
    if tool.in_background:
        raise unsupported(f"{at}.async", "This model does not support asynchronous tools.")
    if not tool.name:
        raise invalid(f"{at}.name", "It is empty.")
    return tool.name


Readers = Mapping[str, Callable[[msgspec.Raw, str], Tool]]

_IN_NAMESPACES: Final[Readers] = {"function": _read_function, "custom": _read_custom}
_READERS: Final[Readers] = {
    **_IN_NAMESPACES,
    "web_search": _read_search,
    "image_generation": _read_image,
}


# -- Choices


def read_choice(fields: Members, tools: tuple[Tool, ...], namespaces: Namespaces) -> ToolChoice | None:
    raw = raw_member(fields, "tool_choice")
    if raw is None:
        return None
    choice = strict(raw, _choice, "tool_choice")
    if isinstance(choice, ChoiceShape):
        return _chosen(choice, _Offered(frozenset(_named(tool) for tool in tools), namespaces))
    for mode in _MODES:
        if choice == mode:
            return ToolChoice(mode)
    raise invalid("tool_choice", f"'{choice[:NAME_LENGTH_MAX]}' is not a supported value.")


class _Offered(NamedTuple):
    """The tools that a choice may name, and the names of those in namespaces."""

    known: frozenset[ToolName]
    namespaces: Namespaces


def _chosen(choice: ChoiceShape, offered: _Offered) -> ToolChoice:
    if choice.type != "allowed_tools":
        _reject_members(choice, "mode", "tools")
        named = ChosenTool(choice.type, choice.name, choice.namespace)
        return ToolChoice("required", tuple(_names(named, offered, "tool_choice")))
    _reject_members(choice, "name", "namespace")
    if choice.mode is None or choice.tools is None:
        raise missing("tool_choice.mode" if choice.mode is None else "tool_choice.tools")
    if not choice.tools:
        raise RequestError("Invalid 'tool_choice.tools': empty array.", param="tool_choice.tools", code="empty_array")
    places = ((each, f"tool_choice.tools[{index}]") for index, each in enumerate(choice.tools))
    return ToolChoice(choice.mode, tuple(name for each, at in places for name in _names(each, offered, at)))


def _reject_members(choice: ChoiceShape, *names: str) -> None:
    """Raises RequestError for members that belong to a different kind of choice."""
    for name in names:
        if getattr(choice, name) is not None:
            param = f"tool_choice.{name}"
            raise RequestError(f"Unknown parameter: '{param}'.", param=param, code="unknown_parameter")


def _names(tool: ChosenTool, offered: _Offered, at: str) -> list[ToolName]:
    """The named tool, or all tools of a named namespace. A name without a namespace may be that of a single tool in one."""
    kind = TOOL_ALIASES.get(tool.type, tool.type)
    if kind in (*_NAMED, "namespace") and tool.name is None:
        raise missing(f"{at}.name")
    chosen = [each for each in _candidates(kind, tool, offered.namespaces) if each in offered.known]
    if not chosen or (kind in _NAMED and len(chosen) > 1):
        shown = kind if tool.name is None else f"{kind} '{tool.name}'"
        why = "offers more than one tool" if chosen else "does not offer the tool"
        raise invalid(at, f"The request {why} {shown[:NAME_LENGTH_MAX]}.")
    return chosen


def _candidates(kind: str, tool: ChosenTool, namespaces: Namespaces) -> list[ToolName]:
    name = tool.name or ""
    if kind == "namespace":
        return [ToolName(each, flat) for flat in namespaces.within(name) for each in _NAMED]
    if kind not in _NAMED:
        return [ToolName(kind)]
    if tool.namespace:
        return [ToolName(kind, namespaces.flat(tool.namespace, name))]
    return [ToolName(kind, each) for each in (namespaces.named(name) if name not in namespaces.plain else [name])]


def _named(tool: Tool) -> ToolName:
    if isinstance(tool, FunctionTool):
        return ToolName("function", tool.name)
    if isinstance(tool, CustomTool):
        return ToolName("custom", tool.name)
    return ToolName("web_search" if isinstance(tool, WebSearchTool) else "image_generation")
