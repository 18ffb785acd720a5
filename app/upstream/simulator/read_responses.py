"""Reads the body of POST /responses into a SimulatedRequest, and rejects requests that a vendor would reject."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from app.upstream.simulator import tokens
from app.upstream.simulator.fields import Fields, decode, directives, model
from app.upstream.simulator.read_common import EFFORTS, OUTPUT_TOKENS_MAX, Conversation, read_format, read_items
from app.upstream.simulator.read_tools import responses_tools
from app.upstream.simulator.request import Content, Reasoning, Rejected, SimulatedRequest

_ROLES = ("assistant", "developer", "system", "user")
_STATEFUL = ("previous_response_id", "conversation", "prompt")


def read(body: bytes, upstream: str, seed: bytes) -> SimulatedRequest:
    fields = Fields(decode(body))
    name = model(fields)
    _check(fields)
    found = directives(fields, upstream)
    tools = responses_tools(fields)
    content = _read_conversation(fields)
    size = content.tokens + tools.tokens + tokens.count(fields.text("instructions", ""))
    include = [each for each in fields.array("include") if isinstance(each, str)]
    return SimulatedRequest(
        model=name,
        content=replace(content, tokens=max(1, min(size, len(body)))),
        tools=tools,
        format=read_format(fields.table("text").table("format"), nested=False),
        reasoning=_reasoning(fields, include),
        directives=found,
        stream=fields.flag("stream", False),
        include_usage=True,
        sources="web_search_call.action.sources" in include,
        limit=fields.integer("max_output_tokens", 1, OUTPUT_TOKENS_MAX),
        choices=1,
        stops=(),
        seed=seed,
        raw=fields.data,
    )


def _check(fields: Fields) -> None:
    """Check the types and bounds of parameters that are only echoed, and reject references to stored state."""
    for name in _STATEFUL:
        if fields.data.get(name) is not None:
            raise Rejected(
                f"Unsupported parameter: '{name}': the simulator stores nothing between requests.",
                param=name,
                code="previous_response_not_found" if name == "previous_response_id" else "unsupported_parameter",
            )
    if fields.flag("background", False):
        raise Rejected("Unsupported parameter: 'background'.", param="background", code="unsupported_parameter")
    fields.number("temperature", 0.0, 2.0)
    fields.number("top_p", 0.0, 1.0)
    fields.integer("top_logprobs", 0, 20)
    fields.integer("max_tool_calls", 1, 1_000_000)
    fields.flag("store", True)
    fields.one_of("truncation", ("auto", "disabled"), None)
    for name in ("user", "safety_identifier", "prompt_cache_key", "service_tier"):
        fields.text(name, None)


def _reasoning(fields: Fields, include: list[str]) -> Reasoning:
    options = fields.table("reasoning")
    return Reasoning(
        effort=options.one_of("effort", EFFORTS, None),
        summary=options.one_of("summary", ("auto", "concise", "detailed"), None) is not None,
        encrypted="reasoning.encrypted_content" in include,
    )


def _read_conversation(fields: Fields) -> Content:
    conversation = Conversation()
    value = fields.require("input")
    if isinstance(value, str):
        _add_text(conversation, value, user=True)
    elif isinstance(value, list):
        for item in read_items(fields, "input"):
            _read_item(conversation, item)
    else:
        raise fields.mistyped("input", "one of a string or array of input items", value)
    return conversation.content


def _read_item(conversation: Conversation, item: Fields) -> None:
    kind = item.text("type", "message" if "role" in item.data else None)
    if kind is None:
        item.require("type")
    elif kind == "message":
        _read_message(conversation, item)
    elif kind == "function_call":
        for name in ("call_id", "name", "arguments"):
            item.require(name)
        conversation.add_call(item, item.text("call_id", ""))
    elif kind in ("function_call_output", "custom_tool_call_output"):
        _read_result(conversation, item)
    else:
        # Items of other kinds come from earlier answers (reasoning, searches, images): they are counted, but not read.
        text = item.data.get("summary") or item.data.get("action") or ""
        conversation.tokens += tokens.count(msgspec.json.encode(text).decode()) if text else 0


def _read_message(conversation: Conversation, item: Fields) -> None:
    item.require("role")
    user = item.one_of("role", _ROLES, "user") == "user"
    content = item.require("content")
    if user:
        conversation.begin_user_message()
    if isinstance(content, str):
        _add_text(conversation, content, user=user)
    elif isinstance(content, list):
        for part in item.items("content"):
            _read_part(conversation, part, user=user)
    else:
        raise item.mistyped("content", "one of an array of objects or string", content)


def _read_part(conversation: Conversation, part: Fields, *, user: bool) -> None:
    kind = part.text("type", "")
    if kind in ("input_text", "output_text"):
        part.require("text")
        _add_text(conversation, part.text("text", ""), user=user)
    elif kind == "refusal":
        _add_text(conversation, part.text("refusal", ""), user=user)
    elif kind == "input_image":
        conversation.add_image(part, "image_url")
    elif kind == "input_file":
        conversation.add_document(part)
    else:
        raise part.unsupported("type", kind, ("input_file", "input_image", "input_text", "output_text", "refusal"))


def _add_text(conversation: Conversation, text: str, *, user: bool) -> None:
    conversation.tokens += tokens.count(text)
    if user:
        conversation.prompt = f"{conversation.prompt}\n{text}" if conversation.prompt else text


def _read_result(conversation: Conversation, item: Fields) -> None:
    item.require("call_id")
    output = item.require("output")
    text = output if isinstance(output, str) else _joined(item)
    call_id = item.text("call_id", "")
    name = conversation.called_function(call_id)
    if item.data.get("type") == "function_call_output" and name is None:
        message = f"No tool call found for function call output with call_id {call_id[:64]}."
        raise Rejected(message, param="input")
    conversation.tokens += tokens.count(text)
    conversation.add_result("tool" if name is None else name, text)


def _joined(item: Fields) -> str:
    """A tool's output that was sent as parts."""
    parts: list[Any] = [part.data.get("text", "") for part in item.items("output")]
    return "\n".join(each for each in parts if isinstance(each, str))
