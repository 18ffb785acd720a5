"""Reads the body of POST /responses into a SimulatedRequest, and rejects what a vendor would reject."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from app.upstream.simulator import files, tokens
from app.upstream.simulator.fields import Fields, decode, directives, model
from app.upstream.simulator.read_tools import responses_tools
from app.upstream.simulator.request import Content, Document, Format, Reasoning, Rejected, SimulatedRequest, ToolResult

INPUT_ITEMS_MAX = 10_000
OUTPUT_TOKENS_MAX = 10_000_000
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

_ROLES = ("assistant", "developer", "system", "user")
_STATEFUL = ("previous_response_id", "conversation", "prompt")


def read(body: bytes, upstream: str, seed: bytes) -> SimulatedRequest:
    fields = Fields(decode(body))
    name = model(fields)
    _check(fields)
    found = directives(fields, upstream)
    tools = responses_tools(fields)
    content = _Reader().read(fields)
    size = content.tokens + tools.tokens + tokens.count(fields.text("instructions", ""))
    include = [each for each in fields.array("include") if isinstance(each, str)]
    return SimulatedRequest(
        model=name,
        content=replace(content, tokens=max(1, min(size, len(body)))),
        tools=tools,
        format=_format(fields),
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


def _format(fields: Fields) -> Format:
    options = fields.table("text").table("format")
    if not options.data:
        return Format()
    kind = options.one_of("type", ("json_object", "json_schema", "text"), None)
    if kind == "json_schema":
        options.require("name")
        options.require("schema")
        return Format("json_schema", options.table("schema").data)
    return Format("json_object" if kind == "json_object" else "text")


def _reasoning(fields: Fields, include: list[str]) -> Reasoning:
    options = fields.table("reasoning")
    return Reasoning(
        effort=options.one_of("effort", EFFORTS, None),
        summary=options.one_of("summary", ("auto", "concise", "detailed"), None) is not None,
        encrypted="reasoning.encrypted_content" in include,
    )


class _Reader:
    """Reads the input. The last user message is the prompt; tool results after it are used for the answer."""

    def __init__(self) -> None:
        self.prompt = ""
        self.results: list[ToolResult] = []
        self.documents: list[Document] = []
        self.images = 0
        self.tokens = 0
        self.names: dict[str, str] = {}

    def read(self, fields: Fields) -> Content:
        value = fields.require("input")
        if isinstance(value, str):
            self.prompt, self.tokens = value, tokens.count(value)
        elif isinstance(value, list):
            if len(value) > INPUT_ITEMS_MAX:
                raise Rejected("Invalid 'input': array too long.", param="input", code="array_above_max_length")
            for item in fields.items("input"):
                self._item(item)
        else:
            raise fields.mistyped("input", "one of a string or array of input items", value)
        return Content(self.prompt, tuple(self.results), tuple(self.documents), self.images, self.tokens)

    def _item(self, item: Fields) -> None:
        kind = item.text("type", "message" if "role" in item.data else None)
        if kind is None:
            item.require("type")
        elif kind == "message":
            self._message(item)
        elif kind == "function_call":
            self._call(item)
        elif kind in ("function_call_output", "custom_tool_call_output"):
            self._result(item)
        else:
            # Items of other kinds come from earlier answers (reasoning, searches, images): they are counted, but not read.
            text = item.data.get("summary") or item.data.get("action") or ""
            self.tokens += tokens.count(msgspec.json.encode(text).decode()) if text else 0

    def _message(self, item: Fields) -> None:
        item.require("role")
        user = item.one_of("role", _ROLES, "user") == "user"
        content = item.require("content")
        if user:
            self.prompt, self.results, self.documents, self.images = "", [], [], 0
        if isinstance(content, str):
            self._text(content, user)
        elif isinstance(content, list):
            for part in item.items("content"):
                self._part(part, user)
        else:
            raise item.mistyped("content", "one of an array of objects or string", content)

    def _text(self, text: str, user: bool) -> None:
        self.tokens += tokens.count(text)
        if user:
            self.prompt = f"{self.prompt}\n{text}" if self.prompt else text

    def _part(self, part: Fields, user: bool) -> None:
        kind = part.text("type", "")
        if kind in ("input_text", "output_text"):
            part.require("text")
            self._text(part.text("text", ""), user)
        elif kind == "refusal":
            self._text(part.text("refusal", ""), user)
        elif kind == "input_image":
            self.images += 1
            self.tokens += files.image(part, "image_url", str(part.require("image_url")))
        elif kind == "input_file":
            document, size = files.document(part)
            self.documents.append(document)
            self.tokens += size
        else:
            raise part.unsupported("type", kind, ("input_file", "input_image", "input_text", "output_text", "refusal"))

    def _call(self, item: Fields) -> None:
        for name in ("call_id", "name", "arguments"):
            item.require(name)
        name, call_id = item.text("name", ""), item.text("call_id", "")
        self.names[call_id] = name
        self.tokens += tokens.count(name) + tokens.count(item.text("arguments", ""))

    def _result(self, item: Fields) -> None:
        item.require("call_id")
        output = item.require("output")
        text = output if isinstance(output, str) else _joined(item)
        call_id = item.text("call_id", "")
        if item.data.get("type") == "function_call_output" and call_id not in self.names:
            message = f"No tool call found for function call output with call_id {call_id[:64]}."
            raise Rejected(message, param="input")
        self.tokens += tokens.count(text)
        self.results.append(ToolResult(self.names.get(call_id, "tool"), text))


def _joined(item: Fields) -> str:
    """A tool's output that was sent as parts."""
    parts: list[Any] = [part.data.get("text", "") for part in item.items("output")]
    return "\n".join(each for each in parts if isinstance(each, str))
