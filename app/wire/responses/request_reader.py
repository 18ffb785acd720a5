"""Reads a Responses request into the canonical form.

Rule 1: every member is read or rejected by name: none is ignored.
Rule 2: members that affect neither the answer's price nor its text (`store`, stream padding, a client's own labels) are
        validated if they have a type, and have no effect.
Rule 3: parse_responses has already checked the body: sizes, and whether URLs may be fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from app.wire.cache_control import read_cache
from app.wire.canonical import CanonicalRequest, TextFormat
from app.wire.common_members import hints as read_hints
from app.wire.common_members import number, optional
from app.wire.exchange import RequestError
from app.wire.file_ref import StoredFile
from app.wire.request import NAME_LENGTH_MAX, count, flag, missing, model, raw_member, service_tier, text, unsupported
from app.wire.responses.input import read_input
from app.wire.responses.shapes import JsonFormat, PlainFormat, ReasoningOptions, SchemaFormat, StreamOptions, TextShape
from app.wire.responses.tools import read_choice, read_tools
from app.wire.splice import Members
from app.wire.strict import invalid

TOP_LOGPROBS_MAX = 20

T = TypeVar("T")

_bool = msgspec.json.Decoder(bool)
_int = msgspec.json.Decoder(int)
_float = msgspec.json.Decoder(float)
_strings = msgspec.json.Decoder(list[str])
_text_shape = msgspec.json.Decoder(TextShape)
_reasoning = msgspec.json.Decoder(ReasoningOptions)
_stream_options = msgspec.json.Decoder(StreamOptions)

KNOWN: Final = frozenset(
    {
        *("model", "input", "instructions", "stream", "stream_options", "store", "background", "service_tier"),
        *("max_output_tokens", "max_tool_calls", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning"),
        *("include", "top_logprobs", "temperature", "top_p", "truncation", "metadata", "user", "safety_identifier"),
        *("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "client_metadata", "cache_control"),
    }
)
_STATELESS = "The gateway is stateless: send the whole conversation in 'input'."
UNSUPPORTED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("previous_response_id", "conversation", "prompt"), _STATELESS),
    "background_options": "The gateway is stateless: it keeps no answers to fetch later.",
    "access_programs": "Access programs are not offered.",
    "context_management": "The gateway does not manage the context: send what the model should read.",
    "image": "Image compression is not offered for this model.",
    "moderation": "Moderation within a response is not offered for this model.",
}
_LOGPROBS = "message.output_text.logprobs"
INCLUDED: Final = frozenset({"reasoning.encrypted_content", "web_search_call.action.sources", _LOGPROBS})
_OF_OTHER_ITEMS: Final = re.compile(r"[a-z_]+_call(_output)?(\.[a-z_]+)+|message\.input_image\.image_url", re.ASCII)
"""Members of items that a translated answer does not contain. Requesting them changes nothing."""


def read_responses_request(fields: Members, files: Mapping[str, StoredFile]) -> CanonicalRequest:
    """The canonical request. Raises RequestError for the first member that is invalid, unknown or not offered."""
    _check_fields(fields)
    tools, namespaces = read_tools(fields)
    reasoning = optional(fields, "reasoning", _reasoning) or ReasoningOptions()
    shape = optional(fields, "text", _text_shape) or TextShape()
    instructions = text(fields, "instructions")
    return CanonicalRequest(
        endpoint="responses",
        model=model(fields),
        items=read_input(_required(fields, "input"), files, namespaces, may_be_empty=bool(instructions)),
        stream=_stream(fields),
        instructions=instructions,
        tools=tools,
        tool_choice=read_choice(fields, tools, namespaces),
        parallel_tool_calls=optional(fields, "parallel_tool_calls", _bool),
        max_output_tokens=count(fields, "max_output_tokens"),
        max_tool_calls=count(fields, "max_tool_calls"),
        temperature=number(fields, "temperature", 0, 2),
        top_p=number(fields, "top_p", 0, 1),
        logprobs=_logprobs(fields),
        effort=reasoning.effort,
        summary=reasoning.summary or reasoning.generate_summary,
        format=_format(shape.format),
        verbosity=shape.verbosity,
        service_tier=service_tier(fields),
        hints=read_hints(fields),
        namespaces=dict(namespaces.in_answers),
        cache=read_cache(fields),
    )


def _check_fields(fields: Members) -> None:
    for name in fields:
        if name in UNSUPPORTED and raw_member(fields, name) is not None:
            raise unsupported(name, UNSUPPORTED[name])
        if name not in KNOWN and name not in UNSUPPORTED:
            short = name[:NAME_LENGTH_MAX]
            raise RequestError(f"Unknown parameter: '{short}'.", param=short, code="unknown_parameter")
    flag(fields, "store")
    if flag(fields, "background"):
        raise unsupported("background", "The gateway is stateless: it keeps no answers to fetch later.")
    if text(fields, "truncation") not in (None, "disabled"):
        raise unsupported("truncation", "Only 'disabled' is supported: conversations are never truncated.")


def _required(fields: Members, name: str) -> msgspec.Raw:
    raw = raw_member(fields, name)
    if raw is None:
        raise missing(name)
    return raw


def _stream(fields: Members) -> bool:
    stream = flag(fields, "stream")
    if optional(fields, "stream_options", _stream_options) is not None and not stream:
        raise invalid("stream_options", "It is only allowed if 'stream' is true.")
    return stream


def _logprobs(fields: Members) -> int | None:
    """Requested through `include`, or through a number of alternatives."""
    included = optional(fields, "include", _strings) or []
    for index, name in enumerate(included):
        if name not in INCLUDED and not _OF_OTHER_ITEMS.fullmatch(name):
            raise unsupported(f"include[{index}]", f"Supported values are: {', '.join(sorted(INCLUDED))}.")
    top = optional(fields, "top_logprobs", _int) or 0
    if not 0 <= top <= TOP_LOGPROBS_MAX:
        raise invalid("top_logprobs", f"Expected an integer from 0 to {TOP_LOGPROBS_MAX}.")
    return top if top or _LOGPROBS in included else None


def _format(shape: PlainFormat | JsonFormat | SchemaFormat | None) -> TextFormat | None:
    if isinstance(shape, SchemaFormat):
        return TextFormat("json_schema", shape.name, shape.description, shape.schema, shape.strict)
    if isinstance(shape, JsonFormat):
        return TextFormat("json_object")
    return None if shape is None else TextFormat("text")
