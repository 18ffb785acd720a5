"""Reads a chat request into the canonical form.

Rule 1: every member is read or rejected by name: none is ignored.
Rule 2: members that affect neither the answer's price nor its text (`store`, stream padding) are validated and have no effect.
Rule 3: parse_chat has already checked the body: both output limits agree, and URLs may be fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from app.wire.cache_control import read_cache
from app.wire.canonical import CanonicalRequest, TextFormat
from app.wire.chat.messages import read_messages
from app.wire.chat.request import CHOICES_MAX
from app.wire.chat.shapes import (
    JsonFormat,
    PlainFormat,
    SchemaFormat,
    StreamOptions,
)
from app.wire.chat.tools import read_choice, read_tools
from app.wire.common_members import hints as read_hints
from app.wire.common_members import number, optional
from app.wire.exchange import RequestError
from app.wire.file_ref import StoredFile
from app.wire.request import NAME_LENGTH_MAX, count, flag, missing, model, raw_member, service_tier, unsupported
from app.wire.splice import Members
from app.wire.strict import Effort, Level, invalid

STOPS_MAX = 4
TOP_LOGPROBS_MAX = 20
SEED_MAX = 2**63 - 1

T = TypeVar("T")

_bool = msgspec.json.Decoder(bool)
_int = msgspec.json.Decoder(int)
_float = msgspec.json.Decoder(float)
_stop = msgspec.json.Decoder(str | list[str])
_biases = msgspec.json.Decoder(dict[str, float])
_strings = msgspec.json.Decoder(list[str])
_effort = msgspec.json.Decoder(Effort)
_level = msgspec.json.Decoder(Level)
_format: msgspec.json.Decoder[PlainFormat | JsonFormat | SchemaFormat] = msgspec.json.Decoder(
    PlainFormat | JsonFormat | SchemaFormat
)
_stream_options = msgspec.json.Decoder(StreamOptions)

KNOWN: Final = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "store", "n", "tools", "tool_choice", "functions"),
        *("function_call", "parallel_tool_calls", "web_search_options", "max_tokens", "max_completion_tokens"),
        *("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stop", "logprobs", "top_logprobs"),
        *("logit_bias", "reasoning_effort", "response_format", "verbosity", "service_tier", "modalities", "metadata"),
        *("user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"),
        "cache_control",
    }
)
UNSUPPORTED: Final[Mapping[str, str]] = {
    "audio": "Audio output is not offered.",
    "prediction": "Predicted output is not offered for this model.",
    "moderation": "Moderation within a completion is not offered for this model.",
}


def read_chat_request(fields: Members, files: Mapping[str, StoredFile]) -> CanonicalRequest:
    """The canonical request. Raises RequestError for the first member that is invalid, unknown or not offered."""
    _check_names(fields)
    tools = read_tools(fields)
    return CanonicalRequest(
        endpoint="chat",
        model=model(fields),
        items=_items(fields, files),
        stream=_stream(fields),
        choices=count(fields, "n", CHOICES_MAX) or 1,
        tools=tools,
        tool_choice=read_choice(fields, tools),
        parallel_tool_calls=optional(fields, "parallel_tool_calls", _bool),
        max_output_tokens=count(fields, "max_completion_tokens") or count(fields, "max_tokens"),
        temperature=number(fields, "temperature", 0, 2),
        top_p=number(fields, "top_p", 0, 1),
        presence_penalty=number(fields, "presence_penalty", -2, 2),
        frequency_penalty=number(fields, "frequency_penalty", -2, 2),
        seed=_seed(fields),
        stop=_stops(fields),
        logprobs=_logprobs(fields),
        logit_bias=_logit_bias(fields),
        effort=optional(fields, "reasoning_effort", _effort),
        format=_text_format(fields),
        verbosity=optional(fields, "verbosity", _level),
        service_tier=service_tier(fields),
        hints=read_hints(fields),
        cache=read_cache(fields),
    )


def _check_names(fields: Members) -> None:
    for name in fields:
        if name in KNOWN or (name in UNSUPPORTED and raw_member(fields, name) is None):
            continue
        if name in UNSUPPORTED:
            raise unsupported(name, UNSUPPORTED[name])
        short = name[:NAME_LENGTH_MAX]
        raise RequestError(f"Unknown parameter: '{short}'.", param=short, code="unknown_parameter")
    flag(fields, "store")
    for kind in optional(fields, "modalities", _strings) or ():
        if kind != "text":
            raise unsupported("modalities", "Only text output is offered.")


def _items(fields: Members, files: Mapping[str, StoredFile]) -> tuple[Any, ...]:
    raw = raw_member(fields, "messages")
    if raw is None:
        raise missing("messages")
    items = read_messages(raw, files)
    if not items:
        raise RequestError("Invalid 'messages': empty array.", param="messages", code="empty_array")
    return items


def _stream(fields: Members) -> bool:
    stream = flag(fields, "stream")
    if optional(fields, "stream_options", _stream_options) is not None and not stream:
        raise invalid("stream_options", "It is only allowed if 'stream' is true.")
    return stream


def _seed(fields: Members) -> int | None:
    value = optional(fields, "seed", _int)
    if value is not None and not -SEED_MAX <= value <= SEED_MAX:
        raise invalid("seed", "Expected a 64-bit integer.")
    return value


def _stops(fields: Members) -> tuple[str, ...]:
    value = optional(fields, "stop", _stop)
    stops = (value,) if isinstance(value, str) else tuple(value or ())
    if len(stops) > STOPS_MAX or not all(stops):
        raise invalid("stop", f"Expected up to {STOPS_MAX} non-empty strings.")
    return stops


def _logprobs(fields: Members) -> int | None:
    enabled, top = flag(fields, "logprobs"), optional(fields, "top_logprobs", _int)
    if top is not None and not 0 <= top <= TOP_LOGPROBS_MAX:
        raise invalid("top_logprobs", f"Expected an integer from 0 to {TOP_LOGPROBS_MAX}.")
    if top is not None and not enabled:
        raise invalid("top_logprobs", "It is only allowed if 'logprobs' is true.")
    return (top or 0) if enabled else None


def _logit_bias(fields: Members) -> dict[str, float] | None:
    biases = optional(fields, "logit_bias", _biases)
    if biases is not None and not all(-100 <= bias <= 100 for bias in biases.values()):
        raise invalid("logit_bias", "Expected numbers from -100 to 100.")
    return biases


def _text_format(fields: Members) -> TextFormat | None:
    shape: PlainFormat | JsonFormat | SchemaFormat | None = optional(fields, "response_format", _format)
    match shape:
        case PlainFormat():
            return TextFormat("text")
        case JsonFormat():
            return TextFormat("json_object")
        case SchemaFormat(json_schema=found):
            return TextFormat("json_schema", found.name, found.description, found.schema, found.strict)
        case _:
            return None
