"""/v1/chat/completions: requests judged and written for an upstream. Their answers are in passthrough.

Rule 1: a pass-through changes the model, the output limit where the client set none, the usage option of a stream, and `store`.
Rule 2: OpenAI is told that nothing is to be stored, which it does unasked. Servers that speak nearly the same know no `store`, and
        know the output limit by its older name only: some overlook the newer one, and write without an end.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.content import weigh
from app.wire.exchange import ParsedRequest, RequestError, ToolUse
from app.wire.request import (
    count,
    decode,
    flag,
    given,
    missing,
    model,
    read_body,
    service_tier,
    shaped,
    tool_uses,
    unsupported,
)
from app.wire.splice import Members, members, with_members
from domain.demand import Demand

CHOICES_MAX = 128
_OPENAI_ONLY = ("store", "max_completion_tokens")

_FALSE = msgspec.Raw(b"false")
_TRUE = msgspec.Raw(b"true")
_functions = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_modalities = msgspec.json.Decoder(list[str])


def parse_chat(body: bytes) -> ParsedRequest:
    """Raises RequestError for anything that is not a well-formed request, or asks for what has no price."""
    fields = read_body(body)
    name = model(fields)
    messages = given(fields, "messages")
    if messages is None:
        raise missing("messages")
    weight = weigh(messages, "messages")
    if not weight.items:
        raise RequestError("Invalid 'messages': empty array.", param="messages", code="empty_array")
    _refuse_audio(fields)
    tools = (*_tools(fields), *weight.tools)
    flag(fields, "store")
    stream = flag(fields, "stream")
    choices, output_limit = count(fields, "n", CHOICES_MAX) or 1, _output_limit(fields)
    include_usage = flag(_stream_options(fields), "include_usage") and stream
    demand = Demand(
        text_bytes=len(body) - weight.inline_bytes,
        images=weight.images,
        files=weight.files,
        choices=choices,
        max_output_tokens=output_limit,
        tools=frozenset(tool.name for tool in tools),
        service_tier=service_tier(fields),
        shaped=shaped(fields),
    )
    return ParsedRequest(
        endpoint="chat",
        model=name,
        stream=stream,
        demand=demand,
        tools=tools,
        include_usage=include_usage,
        fields=fields,
        content_bytes=weight.content_bytes,
        refs=tuple(weight.refs),
        inline_files=tuple(weight.inline_files),
        addresses=tuple(weight.addresses),
    )


def chat_body(request: ParsedRequest, *, model: str, max_output_tokens: int | None, is_openai: bool = True) -> bytes:
    """The upstream's body. `max_output_tokens` is written where the client set no limit; None writes none."""
    fields, limit = request.fields, request.demand.max_output_tokens
    changes = {"model": _raw(model)}
    if is_openai:
        changes["store"] = _FALSE
        if limit is None and max_output_tokens is not None:
            changes["max_completion_tokens"] = _raw(max_output_tokens)
    else:
        fields = {name: raw for name, raw in fields.items() if name not in _OPENAI_ONLY}
        if (told := max_output_tokens if limit is None else limit) is not None:
            changes["max_tokens"] = _raw(told)
    if request.stream:
        options = with_members(_stream_options(request.fields), {"include_usage": _TRUE})
        changes["stream_options"] = msgspec.Raw(options)
    return with_members(fields, changes)


def _tools(fields: Members) -> tuple[ToolUse, ...]:
    """Tools of all three spellings: the list, functions of old, and the search that is an option."""
    functions = given(fields, "functions")
    listed = decode(functions, _functions, "functions") if functions is not None else []
    legacy = [ToolUse("function", "function", f"functions[{index}]") for index in range(len(listed))]
    search = given(fields, "web_search_options") is not None
    option = [ToolUse("web_search", "web_search", "web_search_options")] if search else []
    return (*tool_uses(fields), *legacy, *option)


def _output_limit(fields: Members) -> int | None:
    old, new = count(fields, "max_tokens"), count(fields, "max_completion_tokens")
    if old is not None and new is not None and old != new:
        raise RequestError(
            "Invalid 'max_tokens': it differs from 'max_completion_tokens'. Set only one of them.",
            param="max_tokens",
            code="invalid_value",
        )
    return new if new is not None else old


def _stream_options(fields: Members) -> Members:
    options = given(fields, "stream_options")
    return {} if options is None else decode(options, members, "stream_options")


def _refuse_audio(fields: Members) -> None:
    if given(fields, "audio") is not None:
        raise unsupported("audio", "Audio output is not offered.")
    modalities = given(fields, "modalities")
    if modalities is not None and "audio" in decode(modalities, _modalities, "modalities"):
        raise unsupported("modalities", "Audio output is not offered.")


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
