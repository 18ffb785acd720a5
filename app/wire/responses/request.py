"""Parses /v1/responses requests and writes them for an upstream. passthrough.py handles the answers.

Rule 1: the gateway keeps no conversations: references to stored state are rejected, and nothing is stored upstream.
Rule 2: a pass-through changes the model and `store`. The limits are written from the Target, never copied from the client.
Rule 3: the bytes of a request bound the tokens that a vendor reads. If tools in namespaces are translated, each gets a longer name:
        that much is added.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.wire.canonical import Target
from app.wire.content import ContentTotals, measure_content
from app.wire.exchange import ParsedRequest
from app.wire.request import (
    count,
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
from app.wire.responses.namespaces import NAME_LENGTH_MAX
from app.wire.spending import check_members
from app.wire.splice import Members, with_members
from domain.demand import Demand

_STATEFUL = ("previous_response_id", "conversation", "prompt")
_STATELESS = "The gateway is stateless: send the whole conversation in 'input'."


def parse_responses(body: bytes) -> ParsedRequest:
    """Parse a body. Raises RequestError if it is not well formed, refers to stored state, or requests something unpriced."""
    fields = read_body(body)
    check_members(fields, "responses")
    name = model(fields)
    _reject_stored_state(fields)
    uses = tool_uses(fields)
    flag(fields, "store")
    totals = _input_totals(fields)
    stream = flag(fields, "stream")
    tools = (*uses, *totals.tools)
    demand = Demand(
        text_bytes=len(body) - totals.inline_bytes + NAME_LENGTH_MAX * sum(use.is_nested for use in uses),
        images=totals.images,
        files=totals.files,
        max_output_tokens=count(fields, "max_output_tokens", None),
        max_tool_calls=count(fields, "max_tool_calls", None),
        compacts=raw_member(fields, "context_management") is not None,
        tools=frozenset(tool.name for tool in tools),
        service_tier=service_tier(fields),
        shaped=shaped(fields),
    )
    return ParsedRequest(
        endpoint="responses",
        model=name,
        stream=stream,
        demand=demand,
        tools=tools,
        include_usage=True,
        fields=fields,
        content_bytes=totals.content_bytes,
        refs=tuple(totals.refs),
        inline_files=tuple(totals.inline_files),
        addresses=tuple(totals.addresses),
    )


def responses_body(request: ParsedRequest, target: Target) -> bytes:
    """The upstream's body. `max_tool_calls` is written if the request has a priced tool."""
    changes = {"model": _raw(target.model), "store": _raw(False), "max_output_tokens": _raw(target.max_output_tokens)}
    if target.max_tool_calls is not None:
        changes["max_tool_calls"] = _raw(target.max_tool_calls)
    return with_members(request.fields, changes)


def _input_totals(fields: Members) -> ContentTotals:
    """The totals of `input`, which is a text or a list of items."""
    raw = raw_member(fields, "input")
    if raw is None:
        raise missing("input")
    is_text = bytes(memoryview(raw)[:1]) == b'"'
    return ContentTotals() if is_text else measure_content(raw, "input")


def _reject_stored_state(fields: Members) -> None:
    for name in _STATEFUL:
        if raw_member(fields, name) is not None:
            raise unsupported(name, _STATELESS)
    if flag(fields, "background"):
        raise unsupported("background", "The gateway is stateless: it keeps no answers to fetch later.")


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
