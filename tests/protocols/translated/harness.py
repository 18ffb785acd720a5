"""Feeds a vendor's stream in pieces through a reader and a writer, and collects what the client and the gateway get."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from app.wire import canonical
from app.wire.answer import AnswerReader, AnswerWriter
from app.wire.anthropic.answer_reader import AnthropicAnswerReader
from app.wire.canonical import CanonicalRequest, Target
from app.wire.chat.answer_reader import ChatAnswerReader
from app.wire.chat.answer_writer import ChatAnswerWriter
from app.wire.exchange import AnswerError
from app.wire.gemini.answer_reader import GeminiAnswerReader
from app.wire.responses.answer_reader import ResponsesAnswerReader
from app.wire.responses.answer_writer import ResponsesAnswerWriter
from app.wire.splice import Members, members
from app.wire.translate import PlainTranslation, StreamTranslation
from domain.usage import Usage
from tests.protocols.translated.expected import Case, Dialect
from tests.support.wire.streams import by_byte, cut

Client = Literal["responses", "chat"]

STREAMS: Final = Path(__file__).parent / "streams"
SEED: Final = "0123456789abcdef" * 2
UPSTREAM: Final = "vendor"

READERS: Final[dict[Dialect, type[Any]]] = {
    "responses": ResponsesAnswerReader,
    "chat": ChatAnswerReader,
    "anthropic": AnthropicAnswerReader,
    "gemini": GeminiAnswerReader,
}
WRITERS: Final[dict[Client, type[Any]]] = {"responses": ResponsesAnswerWriter, "chat": ChatAnswerWriter}

TOOLS: Final = (
    canonical.FunctionTool("get_weather", parameters={"type": "object"}),
    canonical.FunctionTool("now"),
    canonical.FunctionTool("multiply"),
    canonical.WebSearchTool(),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`sent` is all that the client got, in order; `forwarded` what it got before the debit."""

    sent: bytes
    forwarded: bytes
    usage: Usage | None
    finish: str
    output_bytes: int
    error: AnswerError | None
    continued: bytes | None


def stream_of(dialect: Dialect, name: str) -> bytes:
    return (STREAMS / dialect / f"{name}.sse").read_bytes()


def body_of(dialect: Dialect, name: str) -> bytes:
    return (STREAMS / dialect / f"{name}.json").read_bytes()


def ask_for(client: Client, *, choices: int = 1, logprobs: int | None = None, stream: bool = True) -> CanonicalRequest:
    said = canonical.Message("user", (canonical.Text("Go on."),))
    return CanonicalRequest(client, "public", (said,), stream=stream, choices=choices, tools=TOOLS, logprobs=logprobs)


def fields_for(client: Client, *, stream: bool = True) -> Members:
    """The client's request, as far as its answer echoes it."""
    fields: dict[str, Any] = {"model": "public", "stream": stream}
    if client == "chat":
        fields |= {"messages": [], **({"stream_options": {"include_usage": True}} if stream else {})}
    else:
        fields |= {"input": "Go on.", "include": ["reasoning.encrypted_content", "web_search_call.action.sources"]}
    return members.decode(msgspec.json.encode(fields))


def reader_for(dialect: Dialect, request: CanonicalRequest) -> AnswerReader:
    reader: AnswerReader = READERS[dialect](
        request, Target(UPSTREAM, "vendor-model", max_output_tokens=4096, max_tool_calls=5)
    )
    return reader


def writer_for(client: Client, *, stream: bool = True) -> AnswerWriter:
    fields = fields_for(client, stream=stream)
    writer: AnswerWriter = WRITERS[client](
        seed=SEED, model="public", created=1_700_000_000, fields=fields, stream=stream
    )
    return writer


def streamed(dialect: Dialect, client: Client, case: Case, turns: Sequence[Sequence[bytes]]) -> Outcome:
    """`turns` are the pieces of each upstream answer: one, or two where the first is a pause."""
    choices = len(case.choices)
    request = ask_for(client, choices=choices, logprobs=case.logprobs)
    relay = StreamTranslation(reader_for(dialect, request), writer_for(client), choices=choices)
    forwarded, error, continued = b"", None, None
    try:
        for number, pieces in enumerate(turns):
            for piece in pieces:
                held = relay.closing
                given = relay.feed(piece)
                assert not (held and given), "something was forwarded after the last finish"
                forwarded += given
            relay.end()
            going_on = relay.continuation()
            assert (going_on is None) == (number == len(turns) - 1), "paused, or not"
            continued = going_on or continued
    except AnswerError as caught:
        error = caught
    if error is None:
        assert relay.closing
        assert relay.finished
        rest = relay.tail()
    else:
        rest = relay.failure(message=error.message, type=error.type or "server_error", code=error.code)
    result = relay.delivered.output_bytes
    return Outcome(forwarded + rest, forwarded, relay.usage, relay.finish, result, error, continued)


def whole(dialect: Dialect, client: Client, case: Case, body: bytes) -> tuple[bytes, Usage | None]:
    """A plain answer for a client that did not ask for a stream."""
    request = ask_for(client, choices=len(case.choices), logprobs=case.logprobs, stream=False)
    writer = writer_for(client, stream=False)
    relay = PlainTranslation(reader_for(dialect, request), writer, choices=len(case.choices))
    for piece in (body[:7], body[7:]):
        assert relay.feed(piece) == b""
    relay.end()
    assert relay.continuation() is None
    return relay.tail(), relay.usage


def feedings(data: bytes, seed: str) -> Iterator[tuple[str, list[bytes]]]:
    """Whole, byte by byte, cut at random, and the same with the line ends that Windows has."""
    chance = random.Random(seed)
    other = data.replace(b"\n", b"\r\n")
    yield "whole", [data]
    yield "by byte", by_byte(data)
    for number in range(3):
        yield f"cut {number}", cut(data, [chance.randrange(len(data) + 1) for _ in range(chance.randint(1, 30))])
    yield "CRLF", [other]
    yield "CRLF, cut", cut(other, [chance.randrange(len(other) + 1) for _ in range(20)])
