"""Parses /v1/chat/completions requests and writes them for an upstream. passthrough.py handles the answers.

Rule 1: a pass-through changes the model, a stream's usage option, and `store`. The output limit and the number of choices are
        written from the Target, never copied from the client.
Rule 2: OpenAI stores completions by default, so `store` is set to false. Compatible servers do not know `store`. They know only the
        older name of the output limit: some ignore the newer name and generate without a limit.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.canonical import Target
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
from app.wire.spending import LIMITS, check_members
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
    check_members(fields, "chat")
    name = model(fields)
    messages = raw_member(fields, "messages")
    if messages is None:
        raise missing("messages")
    totals = measure_content(messages, "messages")
    if not totals.items:
        raise RequestError("Invalid 'messages': empty array.", param="messages", code="empty_array")
    _reject_media(fields)
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


def chat_body(request: ParsedRequest, target: Target) -> bytes:
    """The upstream's body. The limits are those of `target`, under the client's names for them if the upstream knows these."""
    fields, changes = request.fields, {"model": _raw(target.model)}
    limits = [name for name in LIMITS["chat"] if raw_member(fields, name) is not None]
    if target.is_openai:
        changes["store"] = _FALSE
        limits = limits or ["max_completion_tokens"]
    else:
        fields = {name: raw for name, raw in fields.items() if name not in _OPENAI_ONLY}
        limits = ["max_tokens"]
    changes |= dict.fromkeys(limits, _raw(target.max_output_tokens))
    if raw_member(fields, "n") is not None:
        changes["n"] = _raw(target.choices)
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
    """The client's limit. Whether the model allows it is checked later, by spending.check_limits."""
    old, new = (count(fields, name, None) for name in LIMITS["chat"])
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


def _reject_media(fields: Members) -> None:
    """Images and audio have no price on this endpoint's own upstreams."""
    modalities = raw_member(fields, "modalities")
    for kind in () if modalities is None else decode(modalities, _modalities, "modalities"):
        if kind != "text":
            raise unsupported("modalities", "Only text output is offered.")


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
