"""Reads `tools` and `tool_choice` of both protocols. Functions are nested under `function` on chat and flat on Responses."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from app.upstream.simulator import png, tokens
from app.upstream.simulator.fields import Fields
from app.upstream.simulator.request import Function, ImageTool, Mode, Rejected, ToolChoice, Tools

TOOLS_MAX = 128

_WEB_SEARCH = re.compile(r"web_search(_preview)?(_\d{4}_\d{2}_\d{2})?", re.ASCII)
_FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})", re.ASCII)
_QUALITIES = ("low", "medium", "high", "auto")
_MODES: tuple[Mode, ...] = ("auto", "none", "required")
# Sent by clients along with functions (the Codex CLI does). They are counted and echoed, but not called.
_PASSIVE = ("custom", "namespace")


def responses_tools(fields: Fields) -> Tools:
    functions: list[Function] = []
    web_search, image = False, None
    for tool in _items(fields):
        kind = _kind(tool)
        if kind == "function":
            functions.append(_function(tool))
        elif kind == "image_generation":
            image = _image(tool)
        elif _WEB_SEARCH.fullmatch(kind):
            web_search = True
        elif kind not in _PASSIVE:
            raise tool.unsupported("type", kind, ("function", "custom", "image_generation", "web_search"))
    return Tools(
        functions=tuple(functions),
        web_search=web_search,
        image=image,
        choice=_choice(fields, {each.name for each in functions}),
        parallel=fields.flag("parallel_tool_calls", True),
        tokens=_tokens(fields),
    )


def chat_tools(fields: Fields) -> Tools:
    if fields.data.get("functions") is not None and fields.data.get("tools") is None:
        return _legacy(fields)
    functions: list[Function] = []
    fields.table("web_search_options")
    web_search = fields.data.get("web_search_options") is not None
    for tool in _items(fields):
        kind = _kind(tool)
        if kind == "function":
            tool.require("function")
            functions.append(_function(tool.table("function")))
        elif kind not in _PASSIVE:
            raise tool.unsupported("type", kind, ("function", "custom"))
    return Tools(
        functions=tuple(functions),
        web_search=web_search,
        choice=_choice(fields, {each.name for each in functions}),
        parallel=fields.flag("parallel_tool_calls", True),
        tokens=_tokens(fields),
    )


def _legacy(fields: Fields) -> Tools:
    """`functions` and `function_call`, the predecessors of tools."""
    functions = tuple(_function(each) for each in _items(fields, "functions"))
    choice = ToolChoice()
    if isinstance(value := fields.data.get("function_call"), str):
        choice = ToolChoice("none" if fields.one_of("function_call", ("auto", "none"), "auto") == "none" else "auto")
    elif value is not None:
        choice = _named(fields.table("function_call"), {each.name for each in functions}, "function_call", "functions")
    return Tools(functions, choice=choice, parallel=False, tokens=_tokens(fields, "functions"), legacy=True)


def _items(fields: Fields, name: str = "tools") -> list[Fields]:
    tools = fields.items(name)
    if len(tools) > TOOLS_MAX:
        raise Rejected(
            f"Invalid '{name}': array too long. Expected an array with maximum length {TOOLS_MAX}.",
            param=name,
            code="array_above_max_length",
        )
    return tools


def _kind(tool: Fields) -> str:
    tool.require("type")
    return tool.text("type", "")


def _tokens(fields: Fields, name: str = "tools") -> int:
    tools = fields.data.get(name)
    return tokens.count(msgspec.json.encode(tools).decode()) if tools else 0


def _function(tool: Fields) -> Function:
    tool.require("name")
    name = tool.text("name", "")
    if not _FUNCTION_NAME.fullmatch(name):
        raise Rejected(
            f"Invalid '{tool.at('name')}': string does not match pattern '^[a-zA-Z0-9_-]+$'.",
            param=tool.at("name"),
            code="invalid_value",
        )
    return Function(name, tool.text("description", ""), tool.table("parameters").data)


def _image(tool: Fields) -> ImageTool:
    tool.one_of("output_format", ("png",), None)
    match = _SIZE.fullmatch(size) if (size := tool.text("size", "auto")) != "auto" else _SIZE.fullmatch("1024x1024")
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(png.SIDE_MIN <= side <= png.SIDE_MAX for side in (width, height)):
        raise tool.unsupported("size", size, ("1024x1024", "1024x1536", "1536x1024", "auto"))
    quality = tool.one_of("quality", _QUALITIES, "auto")
    background = tool.one_of("background", ("opaque", "transparent", "auto"), "auto")
    return ImageTool(
        width=width,
        height=height,
        quality="low" if quality == "auto" else quality,
        background="opaque" if background == "auto" else background,
        partial_images=tool.integer("partial_images", 0, 3) or 0,
    )


def _choice(fields: Fields, names: Iterable[str]) -> ToolChoice:
    value = fields.data.get("tool_choice")
    if value is None:
        return ToolChoice()
    if isinstance(value, str):
        mode = next((mode for mode in _MODES if mode == value), None)
        if mode is None:
            raise fields.unsupported("tool_choice", value, _MODES)
        return ToolChoice(mode)
    choice = fields.table("tool_choice")
    kind = _kind(choice)
    if kind == "allowed_tools":
        return _allowed(choice)
    if kind in _PASSIVE or kind != "function":
        return ToolChoice("required", tool=kind)
    return _named(choice, names, "tool_choice", "tools")


def _named(choice: Fields, names: Iterable[str], param: str, among: str) -> ToolChoice:
    name = _choice_name(choice)
    if name not in names:
        message = f"Tool choice '{name[:64]}' not found in '{among}' parameter."
        raise Rejected(message, param=param, code="invalid_value")
    return ToolChoice("required", name=name)


def _choice_name(choice: Fields) -> str:
    nested = choice.table("function")
    source = nested if nested.data else choice
    source.require("name")
    return source.text("name", "")


def _allowed(choice: Fields) -> ToolChoice:
    allowed = choice.table("allowed_tools") if "allowed_tools" in choice.data else choice
    mode: Mode = "required" if allowed.one_of("mode", ("auto", "required"), "auto") == "required" else "auto"
    names: set[str] = set()
    for tool in allowed.items("tools"):
        names.add(_choice_name(tool) if _kind(tool) == "function" else _kind(tool))
    return ToolChoice(mode, only=frozenset(names))
