"""Reads the body of POST /chat/completions into a SimulatedRequest, and rejects what a vendor would reject."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.upstream.simulator import files, tokens
from app.upstream.simulator.fields import Fields, decode, directives, model
from app.upstream.simulator.read_responses import EFFORTS, INPUT_ITEMS_MAX, OUTPUT_TOKENS_MAX
from app.upstream.simulator.read_tools import chat_tools
from app.upstream.simulator.request import Content, Document, Format, Reasoning, Rejected, SimulatedRequest, ToolResult

CHOICES_MAX = 128
STOPS_MAX = 4

_ROLES = ("assistant", "developer", "function", "system", "tool", "user")


def read(body: bytes, upstream: str, seed: bytes) -> SimulatedRequest:
    fields = Fields(decode(body))
    name = model(fields)
    _check(fields)
    found = directives(fields, upstream)
    tools = chat_tools(fields)
    content = _Reader().read(fields)
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
        format=_format(fields),
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


def _format(fields: Fields) -> Format:
    options = fields.table("response_format")
    if not options.data:
        return Format()
    kind = options.one_of("type", ("json_object", "json_schema", "text"), None)
    if kind == "json_schema":
        options.require("json_schema")
        schema = options.table("json_schema")
        schema.require("name")
        return Format("json_schema", schema.table("schema").data)
    return Format("json_object" if kind == "json_object" else "text")


def _stops(fields: Fields) -> tuple[str, ...]:
    value = fields.data.get("stop")
    stops: list[Any] = [value] if isinstance(value, str) else fields.array("stop")
    if len(stops) > STOPS_MAX or not all(isinstance(each, str) and each for each in stops):
        raise Rejected("Invalid 'stop': expected up to 4 sequences of text.", param="stop", code="invalid_value")
    return tuple(stops)


class _Reader:
    """Reads the messages. The last user message is the prompt; tool messages after it are results."""

    def __init__(self) -> None:
        self.prompt = ""
        self.results: list[ToolResult] = []
        self.documents: list[Document] = []
        self.images = 0
        self.tokens = 0
        self.names: dict[str, str] = {}

    def read(self, fields: Fields) -> Content:
        fields.require("messages")
        messages = fields.items("messages")
        if not messages:
            raise Rejected(
                "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array "
                "instead.",
                param="messages",
                code="empty_array",
            )
        if len(messages) > INPUT_ITEMS_MAX:
            raise Rejected("Invalid 'messages': array too long.", param="messages", code="array_above_max_length")
        for message in messages:
            self._message(message)
        return Content(self.prompt, tuple(self.results), tuple(self.documents), self.images, self.tokens)

    def _message(self, message: Fields) -> None:
        message.require("role")
        role = message.one_of("role", _ROLES, "")
        if role == "user":
            self.prompt, self.results, self.documents, self.images = "", [], [], 0
        text = self._content(message, optional=role in ("assistant", "function"))
        self.tokens += tokens.count(text)
        if role == "user":
            self.prompt = text
        elif role == "assistant":
            self._calls(message)
        elif role == "tool":
            self._result(message, text)
        elif role == "function":
            message.require("name")
            self.results.append(ToolResult(message.text("name", ""), text))

    def _content(self, message: Fields, optional: bool) -> str:
        value = message.data.get("content") if optional else message.require("content")
        if value is None or isinstance(value, str):
            return value or ""
        if not isinstance(value, list):
            raise message.mistyped("content", "one of a string or array of objects", value)
        return "\n".join(text for part in message.items("content") if (text := self._part(part)))

    def _part(self, part: Fields) -> str:
        """The text of a part. Files and pictures are counted here."""
        kind = part.text("type", "")
        if kind in ("text", "refusal"):
            part.require(kind)
            return part.text(kind, "")
        if kind == "image_url":
            part.require("image_url")
            nested = part.table("image_url")
            self.images += 1
            self.tokens += files.image(nested, "url", str(nested.require("url")))
        elif kind == "file":
            part.require("file")
            document, size = files.document(part.table("file"))
            self.documents.append(document)
            self.tokens += size
        else:
            raise part.unsupported("type", kind, ("file", "image_url", "refusal", "text"))
        return ""

    def _calls(self, message: Fields) -> None:
        for call in message.items("tool_calls"):
            self.names[call.text("id", "")] = self._call(call.table("function"))
        self._call(message.table("function_call"))

    def _call(self, function: Fields) -> str:
        """The name of the called function, "" if there was no call."""
        name = function.text("name", "")
        self.tokens += tokens.count(name) + tokens.count(function.text("arguments", ""))
        return name

    def _result(self, message: Fields, text: str) -> None:
        message.require("tool_call_id")
        call_id = message.text("tool_call_id", "")
        if call_id not in self.names:
            raise Rejected(
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                "'tool_calls'.",
                param=message.at("role"),
            )
        self.results.append(ToolResult(self.names[call_id], text))
