"""Writes a CanonicalRequest as a chat body.

Rule 1: the body is plain chat that servers with only the older members accept: `system` instead of `developer` (equivalent for
        OpenAI), and a subset of allowed tools as the list of tools itself.
Rule 2: one assistant message holds everything that the model produced in one turn: reasoning, text, calls. Text after the calls of
        a turn is placed before the calls, because chat has no other place for such text.
Rule 3: features that chat does not support are rejected by name. Left out, as documented: searches of earlier turns, other
        upstreams' reasoning, metadata (the gateway echoes it; OpenAI accepts it only with `store`), a summary of "auto".
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from app.wire.canonical import (
    CanonicalRequest,
    CustomTool,
    FunctionTool,
    ImageTool,
    Place,
    Target,
    TextFormat,
    Tool,
    ToolName,
    WebSearchTool,
    unsupported_field,
)
from app.wire.chat.turns import write_messages
from app.wire.identifiers import BOUNDED, bounded

_COPIED: Final = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "verbosity")
_HINTS: Final = ("user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention")


def write_chat_request(request: CanonicalRequest, target: Target) -> bytes:
    """The upstream's body. Raises RequestError for anything that chat does not support."""
    return msgspec.json.encode(
        {
            "model": target.model,
            "messages": write_messages(request, target),
            **_stream(request),
            **_limits(target),
            **_options(request),
            **_tools(request),
            **_hints(request),
        }
    )


def _limits(target: Target) -> dict[str, Any]:
    """OpenAI stores by default, and its newer models reject the older name of the limit. Other servers know only the older name."""
    if target.is_openai:
        return {"max_completion_tokens": target.max_output_tokens, "store": False}
    return {"max_tokens": target.max_output_tokens}


def _stream(request: CanonicalRequest) -> dict[str, Any]:
    return {"stream": True, "stream_options": {"include_usage": True}} if request.stream else {}


def _options(request: CanonicalRequest) -> dict[str, Any]:
    if request.summary not in (None, "auto"):
        raise unsupported_field(
            request, "summary", "This model returns its reasoning as it is or not at all: use 'auto'."
        )
    options = {name: value for name in _COPIED if (value := getattr(request, name)) is not None}
    if request.choices > 1:
        options["n"] = request.choices
    if request.stop:
        options["stop"] = list(request.stop)
    if request.logprobs is not None:
        options["logprobs"] = True
        options |= {"top_logprobs": request.logprobs} if request.logprobs else {}
    if request.logit_bias is not None:
        options["logit_bias"] = {token: _whole(bias) for token, bias in request.logit_bias.items()}
    if request.effort is not None:
        options["reasoning_effort"] = request.effort
    if request.format is not None:
        options["response_format"] = _format(request.format)
    if request.service_tier is not None:
        options["service_tier"] = request.service_tier
    return options


def _whole(bias: float) -> float:
    """OpenAI accepts only integers."""
    return int(bias) if bias.is_integer() else bias


def _format(form: TextFormat) -> dict[str, Any]:
    if form.kind != "json_schema":
        return {"type": form.kind}
    members = {"name": form.name, "description": form.description, "schema": form.schema, "strict": form.strict}
    return {"type": form.kind, "json_schema": _without_none(members)}


def _hints(request: CanonicalRequest) -> dict[str, Any]:
    found = {name: value for name in _HINTS if (value := getattr(request.hints, name)) is not None}
    return {name: bounded(value) if name in BOUNDED else value for name, value in found.items()}


def _tools(request: CanonicalRequest) -> dict[str, Any]:
    """Functions and custom tools as a list, a search as chat's option."""
    allowed = [tool for tool in request.tools if _is_allowed(request, tool)]
    search = _search(request, [tool for tool in allowed if isinstance(tool, WebSearchTool)])
    tools = [_tool(request, tool) for tool in allowed if not isinstance(tool, WebSearchTool)]
    members: dict[str, Any] = {"web_search_options": search} if search is not None else {}
    if not tools:
        if request.tool_choice is not None and request.tool_choice.mode == "required":
            raise unsupported_field(
                request, "tool_choice", "This model can only be forced to call functions and custom tools."
            )
        return members
    members["tools"] = tools
    if (choice := _choice(request)) is not None:
        members["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        members["parallel_tool_calls"] = request.parallel_tool_calls
    return members


def _is_allowed(request: CanonicalRequest, tool: Tool) -> bool:
    """A forced function does not exclude the other functions. A search is excluded, since it would run without being requested."""
    choice = request.tool_choice
    if choice is None:
        return True
    if isinstance(tool, WebSearchTool):
        return choice.mode != "none" and (not choice.only or ToolName("web_search") in choice.only)
    return not choice.only or _is_one(choice.only, choice.mode) or _name(tool) in choice.only


def _is_one(only: tuple[ToolName, ...], mode: str) -> bool:
    return mode == "required" and len(only) == 1


def _choice(request: CanonicalRequest) -> Any:
    choice = request.tool_choice
    if choice is None:
        return None
    if not _is_one(choice.only, choice.mode):
        if choice.mode == "required" and ToolName("web_search") in choice.only:
            raise unsupported_field(
                request, "tool_choice", "This model cannot be forced to choose between a search and functions."
            )
        return choice.mode
    name = choice.only[0]
    if name.type not in ("function", "custom"):
        raise unsupported_field(request, "tool_choice", f"This model cannot be forced to call {name.type}.")
    return {"type": name.type, name.type: {"name": name.name}}


def _name(tool: Tool) -> ToolName:
    if isinstance(tool, FunctionTool):
        return ToolName("function", tool.name)
    return ToolName("custom", tool.name) if isinstance(tool, CustomTool) else ToolName("image_generation")


def _tool(request: CanonicalRequest, tool: FunctionTool | CustomTool | ImageTool) -> dict[str, Any]:
    match tool:
        case FunctionTool():
            members = {"description": tool.description, "parameters": tool.parameters, "strict": tool.strict}
            return {"type": "function", "function": {"name": tool.name, **_without_none(members)}}
        case CustomTool():
            members = {"description": tool.description, "format": _custom_format(tool.format)}
            return {"type": "custom", "custom": {"name": tool.name, **_without_none(members)}}
        case _:
            raise unsupported_field(request, tool.at or "tools", "This model does not generate images.")


def _custom_format(form: dict[str, Any] | None) -> dict[str, Any] | None:
    """Chat puts a grammar's members into a separate object."""
    if form is None or form.get("type") != "grammar":
        return form
    return {"type": "grammar", "grammar": {name: value for name, value in form.items() if name != "type"}}


def _search(request: CanonicalRequest, searches: list[WebSearchTool]) -> dict[str, Any] | None:
    if not searches:
        return None
    tool = searches[0]
    if len(searches) > 1:
        raise unsupported_field(request, searches[1].at or "tools", "This model supports a single web search.")
    if request.max_tool_calls is not None:
        raise unsupported_field(request, "max_tool_calls", "This model's searches cannot be limited.")
    if tool.allowed_domains:
        raise unsupported_field(request, _member(tool, "filters"), "This model always searches the whole web.")
    if tool.external_access is False:
        raise unsupported_field(
            request, _member(tool, "external_web_access"), "This model always searches the live web."
        )
    options: dict[str, Any] = {} if tool.context_size is None else {"search_context_size": tool.context_size}
    if tool.place is not None:
        options["user_location"] = {"type": "approximate", "approximate": _place(tool.place)}
    return options


def _member(tool: WebSearchTool, name: str) -> str:
    return f"{tool.at or 'tools'}.{name}"


def _place(place: Place) -> dict[str, Any]:
    members = {"city": place.city, "country": place.country, "region": place.region, "timezone": place.timezone}
    return _without_none(members)


def _without_none(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
