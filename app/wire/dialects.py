"""Which reader, writer and relay handles which protocol: one row each.

Rule: if the client's endpoint and the upstream's dialect are the same, the request is passed through; otherwise it is translated
by way of the canonical form (canonical.py, answer.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from app.wire.answer import AnswerReader, AnswerWriter
from app.wire.anthropic.answer_reader import AnthropicAnswerReader
from app.wire.anthropic.request_writer import write_anthropic_request
from app.wire.canonical import CanonicalRequest, Target, without_cached_search
from app.wire.chat.answer_reader import ChatAnswerReader
from app.wire.chat.answer_writer import ChatAnswerWriter
from app.wire.chat.passthrough import ChatPlainRelay, ChatStreamRelay
from app.wire.chat.request import chat_body, parse_chat
from app.wire.chat.request_reader import read_chat_request
from app.wire.chat.request_writer import write_chat_request
from app.wire.exchange import Endpoint, ParsedRequest, Relay
from app.wire.file_ref import StoredFile
from app.wire.gemini.answer_reader import GeminiAnswerReader
from app.wire.gemini.request_writer import write_gemini_request
from app.wire.relay import DONE
from app.wire.responses.answer_reader import ResponsesAnswerReader
from app.wire.responses.answer_writer import ResponsesAnswerWriter
from app.wire.responses.passthrough import ResponsesPlainRelay, ResponsesStreamRelay
from app.wire.responses.request import parse_responses, responses_body
from app.wire.responses.request_reader import read_responses_request
from app.wire.responses.request_writer import write_responses_request
from app.wire.rewrite import without_cached_searches
from app.wire.splice import Members
from app.wire.translate import PlainTranslation, StreamTranslation

Dialect = Literal["responses", "chat", "anthropic", "gemini"]

REQUEST_READERS: Mapping[Endpoint, Callable[[Members, Mapping[str, StoredFile]], CanonicalRequest]] = {
    "responses": read_responses_request,
    "chat": read_chat_request,
}
REQUEST_WRITERS: Mapping[Dialect, Callable[[CanonicalRequest, Target], bytes]] = {
    "responses": write_responses_request,
    "chat": write_chat_request,
    "anthropic": write_anthropic_request,
    "gemini": write_gemini_request,
}
_ANSWER_READERS: Mapping[Dialect, Callable[[CanonicalRequest, Target], AnswerReader]] = {
    "responses": ResponsesAnswerReader,
    "chat": ChatAnswerReader,
    "anthropic": AnthropicAnswerReader,
    "gemini": GeminiAnswerReader,
}
_DIALECTS: Mapping[str, tuple[Dialect, ...]] = {
    "openai": ("responses", "chat"),
    "openai-chat": ("chat",),
    "anthropic": ("anthropic",),
    "gemini": ("gemini",),
    "simulator": ("responses", "chat"),
}
"""The dialects that an upstream of each protocol speaks."""


def parse(endpoint: Endpoint, body: bytes) -> ParsedRequest:
    """Parse a client's request body. Raises RequestError."""
    return parse_chat(body) if endpoint == "chat" else parse_responses(body)


def dialect_for(endpoint: Endpoint, protocol: str, endpoints: tuple[str, ...]) -> Dialect:
    """The dialect to use with an upstream of `protocol`: the client's own endpoint if the upstream speaks it, else another.

    For an upstream that speaks both of OpenAI's dialects, `endpoints` are those that it offers for the model.
    """
    spoken = _DIALECTS[protocol]
    if len(spoken) > 1:
        spoken = tuple(dialect for dialect in spoken if dialect in endpoints)
    return endpoint if endpoint in spoken else spoken[0]


def canonical_for(canonical: CanonicalRequest, dialect: Dialect, *, omits_cached_search: bool) -> CanonicalRequest:
    """The request for an upstream of `dialect`. Only Responses has searches that are limited to a cache."""
    return canonical if dialect == "responses" and not omits_cached_search else without_cached_search(canonical)


def passthrough_body(request: ParsedRequest, target: Target) -> bytes:
    """The request body to send upstream in a pass-through."""
    if request.omits_cached_search:
        request = replace(request, fields=without_cached_searches(request.fields))
    return chat_body(request, target) if request.endpoint == "chat" else responses_body(request, target)


def passthrough_relay(request: ParsedRequest, *, model: str, upstream: str) -> Relay:
    """A new relay for one pass-through attempt. Clients see the model as `model`."""
    if request.endpoint == "chat":
        choices, searches = request.demand.choices, "web_search" in request.demand.tools
        if request.stream:
            return ChatStreamRelay(model=model, include_usage=request.include_usage, choices=choices, searches=searches)
        return ChatPlainRelay(model=model, choices=choices, searches=searches)
    if request.stream:
        return ResponsesStreamRelay(model=model, upstream=upstream)
    return ResponsesPlainRelay(model=model, upstream=upstream)


def translation_relay(
    request: CanonicalRequest, dialect: Dialect, target: Target, *, model: str, seed: str, created: int, fields: Members
) -> Relay:
    """A new relay for one translated attempt. `fields` are the client's request members that its answer echoes."""
    reader = _ANSWER_READERS[dialect](request, target)
    writer = _writer(request, model, seed, created, fields)
    if request.stream:
        return StreamTranslation(reader, writer, choices=request.choices)
    return PlainTranslation(reader, writer, choices=request.choices)


def other_form_relay(
    request: CanonicalRequest, dialect: Dialect, target: Target, *, model: str, seed: str, created: int, fields: Members
) -> Relay:
    """A new relay for an upstream that answers with one body although a stream was requested, or the reverse.

    The client gets the form that it requested. The dialect may be that of the client's endpoint.
    """
    reader = _ANSWER_READERS[dialect](request, target)
    writer = _writer(request, model, seed, created, fields)
    if request.stream:
        return PlainTranslation(reader, writer, choices=request.choices, done=DONE)
    return StreamTranslation(reader, writer, choices=request.choices, done=b"")


def _writer(request: CanonicalRequest, model: str, seed: str, created: int, fields: Members) -> AnswerWriter:
    if request.endpoint == "chat":
        return ChatAnswerWriter(seed=seed, model=model, created=created, fields=fields, stream=request.stream)
    return ResponsesAnswerWriter(
        seed=seed,
        model=model,
        created=created,
        fields=fields,
        stream=request.stream,
        namespaces=request.namespaces,
    )
