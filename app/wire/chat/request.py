"""Parses /v1/chat/completions requests and writes them for an upstream. passthrough.py handles the answers.

Rule 1: a pass-through changes the model, the output limit if the client set none, a stream's usage option, and `store`.
Rule 2: OpenAI stores completions by default, so `store` is set to false. Compatible servers do not know `store`. They know only the
        older name of the output limit: some ignore the newer name and generate without a limit.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.content import measure_content
from app.wire.exchange import ParsedRequest, RequestError, ToolUse
from app.wire.request import (
    count,
    decode,
    flag,
    missing,
    model,
    raw_member,
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
    """Parse a body. Raises RequestError if it is not well formed or requests something that has no price."""
    fields = read_body(body)
    name = model(fields)
    messages = raw_member(fields, "messages")
    if messages is None:
        raise missing("messages")
    totals = measure_content(messages, "messages")
    if not totals.items:
        raise RequestError("Invalid 'messages': empty array.", param="messages", code="empty_array")
    _reject_audio(fields)
    tools = (*_tools(fields), *totals.tools)
    flag(fields, "store")
    stream = flag(fields, "stream")
    choices, output_limit = count(fields, "n", CHOICES_MAX) or 1, _output_limit(fields)
    include_usage = flag(_stream_options(fields), "include_usage", within="stream_options") and stream
    demand = Demand(
        text_bytes=len(body) - totals.inline_bytes,
        images=totals.images,
        files=totals.files,
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
        content_bytes=totals.content_bytes,
        refs=tuple(totals.refs),
        inline_files=tuple(totals.inline_files),
        addresses=tuple(totals.addresses),
    )


def chat_body(request: ParsedRequest, *, model: str, max_output_tokens: int | None, is_openai: bool = True) -> bytes:
    """The upstream's body. `max_output_tokens` is written if the client set no limit; None writes none."""
    fields, limit = request.fields, request.demand.max_output_tokens
    changes = {"model": _raw(model)}
    if is_openai:
        changes["store"] = _FALSE
        if limit is None and max_output_tokens is not None:
            changes["max_completion_tokens"] = _raw(max_output_tokens)
    else:
        fields = {name: raw for name, raw in fields.items() if name not in _OPENAI_ONLY}
        if (limit_sent := max_output_tokens if limit is None else limit) is not None:
            changes["max_tokens"] = _raw(limit_sent)
    if request.stream:
        options = with_members(_stream_options(request.fields), {"include_usage": _TRUE})
        changes["stream_options"] = msgspec.Raw(options)
    return with_members(fields, changes)


def _tools(fields: Members) -> tuple[ToolUse, ...]:
    """Tools in all three forms: the list, legacy functions, and the search option."""
    functions = raw_member(fields, "functions")
    listed = decode(functions, _functions, "functions") if functions is not None else []
    legacy = [ToolUse("function", "function", f"functions[{index}]") for index in range(len(listed))]
    search = raw_member(fields, "web_search_options") is not None
    option = [ToolUse("web_search", "web_search", "web_search_options")] if search else []
    return (*tool_uses(fields, untyped_functions=True), *legacy, *option)


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
    options = raw_member(fields, "stream_options")
    return {} if options is None else decode(options, members, "stream_options")


def _reject_audio(fields: Members) -> None:
    if raw_member(fields, "audio") is not None:
        raise unsupported("audio", "Audio output is not offered.")
    modalities = raw_member(fields, "modalities")
    if modalities is not None and "audio" in decode(modalities, _modalities, "modalities"):
        raise unsupported("modalities", "Audio output is not offered.")


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
