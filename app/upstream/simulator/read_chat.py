"""Reads the body of POST /chat/completions into a SimulatedRequest, and rejects requests that a vendor would reject."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.upstream.simulator import tokens
from app.upstream.simulator.fields import Fields, decode, directives, model
from app.upstream.simulator.read_common import EFFORTS, OUTPUT_TOKENS_MAX, Conversation, read_format, read_items
from app.upstream.simulator.read_tools import chat_tools
from app.upstream.simulator.request import Content, Reasoning, Rejected, SimulatedRequest

CHOICES_MAX = 128
STOPS_MAX = 4

_ROLES = ("assistant", "developer", "function", "system", "tool", "user")


def read(body: bytes, upstream: str, seed: bytes) -> SimulatedRequest:
    fields = Fields(decode(body))
    name = model(fields)
    _check(fields)
    found = directives(fields, upstream)
    tools = chat_tools(fields)
    content = _read_conversation(fields)
    limits = [
        each
        for each in (
            fields.integer("max_completion_tokens", 1, OUTPUT_TOKENS_MAX),
            fields.integer("max_tokens", 1, OUTPUT_TOKENS_MAX),
        )
        if each is not None
    ]
    return SimulatedRequest(
        model=name,
        content=replace(content, tokens=max(1, min(content.tokens + tools.tokens, len(body)))),
        tools=tools,
        format=read_format(fields.table("response_format"), nested=True),
        reasoning=Reasoning(effort=fields.one_of("reasoning_effort", EFFORTS, None)),
        directives=found,
        stream=fields.flag("stream", False),
        include_usage=fields.table("stream_options").flag("include_usage", False),
        sources=False,
        limit=min(limits, default=None),
        choices=fields.integer("n", 1, CHOICES_MAX) or 1,
        stops=_stops(fields),
        seed=seed,
        raw=fields.data,
    )


def _check(fields: Fields) -> None:
    fields.number("temperature", 0.0, 2.0)
    fields.number("top_p", 0.0, 1.0)
    fields.number("presence_penalty", -2.0, 2.0)
    fields.number("frequency_penalty", -2.0, 2.0)
    fields.integer("seed", -(2**63), 2**63 - 1)
    fields.flag("store", False)
    for name in ("user", "service_tier"):
        fields.text(name, None)
    if fields.data.get("stream_options") is not None and not fields.flag("stream", False):
        raise Rejected(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )


def _stops(fields: Fields) -> tuple[str, ...]:
    value = fields.data.get("stop")
    stops: list[Any] = [value] if isinstance(value, str) else fields.array("stop")
    if len(stops) > STOPS_MAX or not all(isinstance(each, str) and each for each in stops):
        raise Rejected("Invalid 'stop': expected up to 4 sequences of text.", param="stop", code="invalid_value")
    return tuple(stops)


def _read_conversation(fields: Fields) -> Content:
    fields.require("messages")
    messages = read_items(fields, "messages")
    if not messages:
        raise Rejected(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            param="messages",
            code="empty_array",
        )
    conversation = Conversation()
    for message in messages:
        _read_message(conversation, message)
    return conversation.content


def _read_message(conversation: Conversation, message: Fields) -> None:
    message.require("role")
    role = message.one_of("role", _ROLES, "")
    if role == "user":
        conversation.begin_user_message()
    text = _read_content(conversation, message, optional=role in ("assistant", "function"))
    conversation.tokens += tokens.count(text)
    if role == "user":
        conversation.prompt = text
    elif role == "assistant":
        for call in message.items("tool_calls"):
            conversation.add_call(call.table("function"), call.text("id", ""))
        conversation.add_call(message.table("function_call"), None)
    elif role == "tool":
        _read_result(conversation, message, text)
    elif role == "function":
        message.require("name")
        conversation.add_result(message.text("name", ""), text)


def _read_content(conversation: Conversation, message: Fields, *, optional: bool) -> str:
    value = message.data.get("content") if optional else message.require("content")
    if value is None or isinstance(value, str):
        return value or ""
    if not isinstance(value, list):
        raise message.mistyped("content", "one of a string or array of objects", value)
    parts = (_read_part(conversation, part) for part in message.items("content"))
    return "\n".join(text for text in parts if text)


def _read_part(conversation: Conversation, part: Fields) -> str:
    """The text of a part, "" for files and pictures, which are only counted."""
    kind = part.text("type", "")
    if kind in ("text", "refusal"):
        part.require(kind)
        return part.text(kind, "")
    if kind == "image_url":
        part.require("image_url")
        conversation.add_image(part.table("image_url"), "url")
    elif kind == "file":
        part.require("file")
        conversation.add_document(part.table("file"))
    else:
        raise part.unsupported("type", kind, ("file", "image_url", "refusal", "text"))
    return ""


def _read_result(conversation: Conversation, message: Fields, text: str) -> None:
    message.require("tool_call_id")
    name = conversation.called_function(message.text("tool_call_id", ""))
    if name is None:
        raise Rejected(
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
            param=message.at("role"),
        )
    conversation.add_result(name, text)
