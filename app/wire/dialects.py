"""Which protocol is read and written by what: one row each.

Rule: a client's endpoint and an upstream's dialect that are the same are a pass-through; any other pair is translated through the
canonical form (canonical.py, answer.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from app.wire.answer import AnswerWriter, Reader
from app.wire.anthropic.answer_reader import AnthropicReader
from app.wire.anthropic.request_writer import write_anthropic
from app.wire.canonical import CanonicalRequest, Target
from app.wire.chat.answer_reader import ChatReader
from app.wire.chat.answer_writer import ChatWriter
from app.wire.chat.passthrough import ChatPlainRelay, ChatStreamRelay
from app.wire.chat.request import chat_body, parse_chat
from app.wire.chat.request_reader import read_chat
from app.wire.chat.request_writer import write_chat
from app.wire.exchange import Endpoint, ParsedRequest, Relay
from app.wire.file_ref import StoredFile
from app.wire.gemini.answer_reader import GeminiReader
from app.wire.gemini.request_writer import write_gemini
from app.wire.responses.answer_reader import ResponsesReader
from app.wire.responses.answer_writer import ResponsesWriter
from app.wire.responses.passthrough import ResponsesPlainRelay, ResponsesStreamRelay
from app.wire.responses.request import parse_responses, responses_body
from app.wire.responses.request_reader import read_responses
from app.wire.responses.request_writer import write_responses
from app.wire.splice import Members
from app.wire.translate import PlainTranslation, StreamTranslation

Dialect = Literal["responses", "chat", "anthropic", "gemini"]

READ: Mapping[Endpoint, Callable[[Members, Mapping[str, StoredFile]], CanonicalRequest]] = {
    "responses": read_responses,
    "chat": read_chat,
}
WRITE: Mapping[Dialect, Callable[[CanonicalRequest, Target], bytes]] = {
    "responses": write_responses,
    "chat": write_chat,
    "anthropic": write_anthropic,
    "gemini": write_gemini,
}
_READERS: Mapping[Dialect, Callable[[CanonicalRequest, Target], Reader]] = {
    "responses": ResponsesReader,
    "chat": ChatReader,
    "anthropic": AnthropicReader,
    "gemini": GeminiReader,
}
_SPOKEN: Mapping[str, tuple[Dialect, ...]] = {
    "openai": ("responses", "chat"),
    "openai-chat": ("chat",),
    "anthropic": ("anthropic",),
    "gemini": ("gemini",),
    "simulator": ("responses", "chat"),
}
"""What an upstream of each protocol speaks."""


def parse(endpoint: Endpoint, body: bytes) -> ParsedRequest:
    """The request of a body. Raises RequestError."""
    return parse_chat(body) if endpoint == "chat" else parse_responses(body)


def dialect_for(endpoint: Endpoint, protocol: str, endpoints: tuple[str, ...]) -> Dialect:
    """What an upstream of `protocol` is asked in: the client's own endpoint where it has it, else what it speaks.

    `endpoints` are those of OpenAI's two that the upstream has for the model, where it speaks both.
    """
    spoken = _SPOKEN[protocol]
    if len(spoken) > 1:
        spoken = tuple(dialect for dialect in spoken if dialect in endpoints)
    return endpoint if endpoint in spoken else spoken[0]


def passed_body(request: ParsedRequest, target: Target) -> bytes:
    """The upstream's body of a pass-through."""
    if request.endpoint == "chat":
        limit, own = target.max_output_tokens, target.is_openai
        return chat_body(request, model=target.model, max_output_tokens=limit, is_openai=own)
    return responses_body(
        request, model=target.model, max_output_tokens=target.max_output_tokens, max_tool_calls=target.max_tool_calls
    )


def passing_relay(request: ParsedRequest, *, model: str, upstream: str) -> Relay:
    """A fresh relay for one attempt at a pass-through, under the public name `model`."""
    if request.endpoint == "chat":
        if request.stream:
            return ChatStreamRelay(model=model, include_usage=request.include_usage, choices=request.demand.choices)
        return ChatPlainRelay(model=model)
    if request.stream:
        return ResponsesStreamRelay(model=model, upstream=upstream)
    return ResponsesPlainRelay(model=model, upstream=upstream)


def translating_relay(
    ask: CanonicalRequest, dialect: Dialect, target: Target, *, model: str, seed: str, created: int, fields: Members
) -> Relay:
    """A fresh relay for one attempt at a translation. `fields` are the client's members that its answer echoes."""
    reader = _READERS[dialect](ask, target)
    make = ChatWriter if ask.endpoint == "chat" else ResponsesWriter
    writer: AnswerWriter = make(seed=seed, model=model, created=created, fields=fields, stream=ask.stream)
    if ask.stream:
        return StreamTranslation(reader, writer, choices=ask.choices)
    return PlainTranslation(reader, writer, choices=ask.choices)
