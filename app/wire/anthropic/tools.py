"""Writes tools and the tool choice for Anthropic.

Rule 1: if the choice allows only some tools, only those are offered.
Rule 2: a function without parameters takes an empty object; inputs.py keeps schemas within Anthropic's bounds. A strict function's
        schema is converted to the supported subset.
Rule 3: web search is the tool of version 20250305, with as many uses as the hold covers. If the hold covers none, the tool is not
        offered.
"""

from __future__ import annotations

import re
from typing import Any, Final

from app.wire.anthropic.caching import cache_member
from app.wire.anthropic.inputs import input_schema
from app.wire.anthropic.models import Model
from app.wire.anthropic.schemas import UnsupportedSchema, supported_schema
from app.wire.canonical import CanonicalRequest, FunctionTool, Target, Tool, WebSearchTool, unsupported_field

Block = dict[str, Any]
NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Anthropic's pattern of a tool's name."""
SEARCH: Final = "web_search"
_SEARCH_TYPE: Final = "web_search_20250305"
_PLACE: Final = ("city", "country", "region", "timezone")
FORCING: Final = {"any", "tool"}


def tools_of(request: CanonicalRequest, target: Target, model: Model) -> list[Block]:
    """The offered tools, in order."""
    blocks = [block for tool in request.tools for block in _tool(request, target, model, tool)]
    if sum(block.get("type") == _SEARCH_TYPE for block in blocks) > 1:
        raise unsupported_field(request, "tools", "This model supports a single web search tool.")
    names = _chosen_names(request)
    return blocks if names is None else [block for block in blocks if block["name"] in names]


def choice_of(request: CanonicalRequest, tools: list[Block]) -> Block | None:
    """The tool choice for the offered tools, or None for the default."""
    mode = request.tool_choice.mode if request.tool_choice else "auto"
    if not tools:
        if mode == "required":
            raise unsupported_field(request, "tool_choice", "tool_choice can require a call only if tools offers one.")
        return None
    if mode == "none":
        return {"type": "none"}
    choice: Block = {"type": "auto"}
    if mode == "required":
        single = request.tool_choice is not None and len(request.tool_choice.only) == 1
        choice = {"type": "tool", "name": tools[0]["name"]} if single else {"type": "any"}
    if request.parallel_tool_calls is False:
        choice["disable_parallel_tool_use"] = True
    return None if choice == {"type": "auto"} else choice


def _chosen_names(request: CanonicalRequest) -> set[str] | None:
    """The names of the tools that the choice allows, or None for all."""
    if request.tool_choice is None or not request.tool_choice.only:
        return None
    offered = {tool.name for tool in request.tools if isinstance(tool, FunctionTool)}
    offered |= {SEARCH for tool in request.tools if isinstance(tool, WebSearchTool)}
    names = {SEARCH if chosen.type == SEARCH else chosen.name or "" for chosen in request.tool_choice.only}
    if not names <= offered:
        raise unsupported_field(request, "tool_choice", "It may only name tools that the request offers.")
    return names


def _tool(request: CanonicalRequest, target: Target, model: Model, tool: Tool) -> list[Block]:
    match tool:
        case FunctionTool():
            return [_function(request, model, tool)]
        case WebSearchTool():
            return _search(request, target, tool)
        case _:
            raise unsupported_field(request, tool.at, "This model supports only functions and web search.")


def _function(request: CanonicalRequest, model: Model, tool: FunctionTool) -> Block:
    schema, rules = _input_schema(request, tool)
    block: Block = {"name": tool.name, "input_schema": schema}
    if description := "\n\n".join(filter(None, (tool.description, rules))):
        block["description"] = description
    if tool.strict:
        if not model.structured:
            raise unsupported_field(request, f"{tool.at}.strict", "This model does not support strict functions.")
        block["input_schema"] = _strict(request, tool, block["input_schema"])
        block["strict"] = True
    return block | cache_member(tool.cache)


def _input_schema(request: CanonicalRequest, tool: FunctionTool) -> tuple[dict[str, Any], str]:
    try:
        return input_schema(tool.parameters)
    except UnsupportedSchema as error:
        why = f"This model does not support this schema: {error}."
        raise unsupported_field(request, f"{tool.at}.parameters", why) from error


def _strict(request: CanonicalRequest, tool: FunctionTool, schema: dict[str, Any]) -> dict[str, Any]:
    if not schema.get("properties"):
        schema = {**schema, "additionalProperties": False}
    try:
        return supported_schema(schema)
    except UnsupportedSchema as error:
        raise unsupported_field(request, f"{tool.at}.parameters", f"This schema cannot be strict: {error}.") from error


def _search(request: CanonicalRequest, target: Target, tool: WebSearchTool) -> list[Block]:
    if tool.context_size not in (None, "medium"):
        raise unsupported_field(request, f"{tool.at}.search_context_size", "This model supports 'medium' only.")
    if tool.external_access is False:
        raise unsupported_field(request, f"{tool.at}.external_web_access", "This model always searches the live web.")
    block: Block = {"type": _SEARCH_TYPE, "name": SEARCH, **cache_member(tool.cache)}
    if tool.allowed_domains:
        block["allowed_domains"] = list(tool.allowed_domains)
    place = {name: getattr(tool.place, name, None) for name in _PLACE}
    if any(place.values()):
        block["user_location"] = {"type": "approximate", **{name: value for name, value in place.items() if value}}
    if target.max_tool_calls is None:
        return [block]
    return [{**block, "max_uses": target.max_tool_calls}] if target.max_tool_calls > 0 else []
