"""Writes a CanonicalRequest for an upstream that speaks OpenAI's Responses.

Rule 1: nothing is stored upstream: `store` is false, and reasoning is exchanged in encrypted form.
Rule 2: the target's output limit is always written, and so is the target's limit of tool calls if it has one.
Rule 3: features that Responses does not support are rejected by the client's name of the parameter. Other upstreams' reasoning is
        left out.
Rule 4: without `strict`, functions are lenient on chat and strict on Responses. For chat's requests it is therefore written out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, assert_never

import msgspec

from app.wire.canonical import (
    CanonicalRequest,
    CustomCall,
    CustomCallOutput,
    CustomTool,
    FunctionCall,
    FunctionCallOutput,
    FunctionTool,
    ImageGenerationCall,
    ImageTool,
    Item,
    Message,
    Reasoning,
    Target,
    TextFormat,
    Tool,
    ToolName,
    WebSearchCall,
    WebSearchTool,
    unsupported_field,
)
from app.wire.identifiers import BOUNDED, bounded
from app.wire.responses.parts import Json, assistant_part, outputs, user_part, without_none
from app.wire.tags import unseal

_UNSUPPORTED: Final = ("stop", "seed", "presence_penalty", "frequency_penalty", "logit_bias")
_NO_SUCH_OPTION: Final = "This model does not support this parameter."
_ENCRYPTED: Final = "reasoning.encrypted_content"
_LOGPROBS: Final = "message.output_text.logprobs"


def write_responses_request(request: CanonicalRequest, target: Target) -> bytes:
    """The upstream's body. Raises RequestError for anything that Responses does not support."""
    _check_supported(request)
    calls = request.max_tool_calls if target.max_tool_calls is None else target.max_tool_calls
    body = {
        "model": target.model,
        "input": [written for item in request.items for written in _item(request, target, item)],
        "store": False,
        "max_output_tokens": target.max_output_tokens,
        **without_none(
            stream=request.stream or None,
            instructions=request.instructions,
            tools=[_tool(request, tool) for tool in request.tools] or None,
            tool_choice=_choice(request),
            parallel_tool_calls=request.parallel_tool_calls,
            max_tool_calls=calls,
            temperature=request.temperature,
            top_p=request.top_p,
            top_logprobs=request.logprobs,
            include=_include(request, target) or None,
            reasoning=without_none(effort=request.effort, summary=request.summary) or None,
            text=without_none(format=_format(request.format), verbosity=request.verbosity) or None,
            service_tier=request.service_tier,
            **_hints(request),
        ),
    }
    return msgspec.json.encode(body)


def _check_supported(request: CanonicalRequest) -> None:
    if request.choices != 1:
        raise unsupported_field(
            request, "choices", "This model returns one answer per request: send the request several times."
        )
    for name in _UNSUPPORTED:
        if getattr(request, name) not in (None, ()):
            raise unsupported_field(request, name, _NO_SUCH_OPTION)


def _include(request: CanonicalRequest, target: Target) -> list[str]:
    """Encrypted reasoning is requested if the client's request shows that the model reasons: other models reject it."""
    own = any(isinstance(item, Reasoning) and unseal(item.sealed or "", target.upstream) for item in request.items)
    reasons = own or request.summary is not None or request.effort not in (None, "none")
    return [_ENCRYPTED] * reasons + [_LOGPROBS] * (request.logprobs is not None)


def _hints(request: CanonicalRequest) -> Json:
    members: Json = msgspec.to_builtins(request.hints)
    return {name: bounded(value) if name in BOUNDED and value else value for name, value in members.items()}


# -- Items


def _item(request: CanonicalRequest, target: Target, item: Item) -> list[Json]:
    """A list of one item, or an empty list for reasoning that this upstream cannot read."""
    match item:
        case Message():
            return [_message(request, target, item)]
        case FunctionCall():
            call = {"call_id": bounded(item.call_id), "name": item.name, "arguments": item.arguments}
            return [{"type": "function_call", **call}]
        case CustomCall():
            return [
                {"type": "custom_tool_call", "call_id": bounded(item.call_id), "name": item.name, "input": item.input}
            ]
        case FunctionCallOutput():
            output = outputs(request, target, item.parts)
            return [{"type": "function_call_output", "call_id": bounded(item.call_id), "output": output}]
        case CustomCallOutput():
            output = outputs(request, target, item.parts)
            return [{"type": "custom_tool_call_output", "call_id": bounded(item.call_id), "output": output}]
        case Reasoning():
            return _reasoning(target, item)
        case WebSearchCall():
            return [_search_call(item)]
        case ImageGenerationCall():
            return [_image_call(request, item)]
        case _:
            assert_never(item)


def _message(request: CanonicalRequest, target: Target, message: Message) -> Json:
    if message.name is not None and message.role != "assistant":
        raise unsupported_field(
            request,
            f"{message.at}.name",
            "This model does not support participant names: put the name into the content.",
        )
    if message.role == "assistant":
        content = [assistant_part(request, part) for part in message.parts]
    else:
        content = [user_part(request, target, part) for part in message.parts]
    return {"type": "message", "role": message.role, "content": content}


def _reasoning(target: Target, item: Reasoning) -> list[Json]:
    """An upstream that stores nothing accepts reasoning back only with its encrypted content."""
    payload = unseal(item.sealed or "", target.upstream)
    if not payload:
        return []
    summary = [{"type": "summary_text", "text": text} for text in item.summary]
    content = [{"type": "reasoning_text", "text": text} for text in item.content]
    return [
        {"type": "reasoning", "summary": summary, "encrypted_content": payload, **without_none(content=content or None)}
    ]


def _search_call(item: WebSearchCall) -> Json:
    first = without_none(query=item.queries[0], queries=item.queries) if item.queries else {}
    known = without_none(id=item.id or None)
    return {"type": "web_search_call", **known, "status": "completed", "action": {"type": "search", **first}}


def _image_call(request: CanonicalRequest, item: ImageGenerationCall) -> Json:
    kind, _, form = item.media_type.partition("/")
    if kind != "image" or form not in ("png", "webp", "jpeg", "gif"):
        raise unsupported_field(request, item.at, "This image was not generated by this model's provider.")
    made = {"status": "completed", "result": item.data, "output_format": form}
    return {"type": "image_generation_call", "id": item.id, **made}


# -- Tools and choices


def _tool(request: CanonicalRequest, tool: Tool) -> Json:
    match tool:
        case FunctionTool():
            strict = False if tool.strict is None and request.endpoint == "chat" else tool.strict
            options = without_none(description=tool.description, strict=strict)
            return {"type": "function", "name": tool.name, "parameters": tool.parameters, **options}
        case CustomTool():
            return {
                "type": "custom",
                "name": tool.name,
                **without_none(description=tool.description, format=tool.format),
            }
        case WebSearchTool():
            return _search_tool(tool)
        case ImageTool():
            return {"type": "image_generation", **tool.options}
        case _:
            assert_never(tool)


def _search_tool(tool: WebSearchTool) -> Json:
    place = without_none(**msgspec.to_builtins(tool.place)) if tool.place is not None else None
    return {
        "type": "web_search",
        **without_none(
            search_context_size=tool.context_size,
            user_location=None if place is None else {"type": "approximate", **place},
            filters={"allowed_domains": tool.allowed_domains} if tool.allowed_domains else None,
            external_web_access=tool.external_access,
        ),
    }


def _choice(request: CanonicalRequest) -> Any:
    choice = request.tool_choice
    if choice is None:
        return None
    if not choice.only or choice.mode == "none":
        return choice.mode
    if choice.mode == "required" and len(choice.only) == 1:
        return _named(choice.only[0])
    return {"type": "allowed_tools", "mode": choice.mode, "tools": [_named(tool) for tool in choice.only]}


def _named(tool: ToolName) -> Json:
    return {"type": tool.type, **without_none(name=tool.name)}


_FORMATS: Final[dict[str, Callable[[TextFormat], Json]]] = {
    "text": lambda _: {},
    "json_object": lambda _: {},
    "json_schema": lambda form: {
        "name": form.name,
        "schema": form.schema or {},
        **without_none(description=form.description, strict=form.strict),
    },
}


def _format(form: TextFormat | None) -> Json | None:
    return None if form is None else {"type": form.kind, **_FORMATS[form.kind](form)}
