"""One upstream answer through a relay, fed whole and in pieces, judged by what must hold for any bytes whatever.

Rule 1: nothing but AnswerError is raised, and nothing goes out after the last finish.
Rule 2: what a client gets, what is billed and what is logged are the same however the bytes were cut into reads.
Rule 3: what a translated client gets keeps its protocol, in an error as well; what a reader tells keeps the laws of answers.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

import msgspec

from app.wire.answer import AnswerEvent, AnswerReader
from app.wire.chat.passthrough import ChatPlainRelay, ChatStreamRelay
from app.wire.exchange import AnswerError, Relay
from app.wire.responses.passthrough import ResponsesPlainRelay, ResponsesStreamRelay
from app.wire.sse import FrameSplitter
from app.wire.translate import PlainTranslation, StreamTranslation
from domain.usage import Usage
from tests.protocols.translated import laws
from tests.protocols.translated.expected import Dialect
from tests.protocols.translated.harness import Client, ask_for, reader_for, writer_for
from tests.protocols.translated.understood import of_chat, of_responses
from tests.support.wire import responses_grammar
from tests.support.wire.streams import by_byte, cut

BY_BYTE_MAX: Final = 1_500
"""Of longer inputs one in 8 is fed byte by byte, the others cut in PIECES places: else there were time for few."""
PIECES: Final = 40
TURNS_MAX: Final = 3
COUNT_MAX: Final = TURNS_MAX * 10**10

SEVERAL: Final = ("chat", "gemini")
"""The vendors that give several choices."""
CLIENTS: Final[tuple[Client, ...]] = ("responses", "chat")
Make = Callable[[], Relay]


@dataclass(frozen=True, slots=True)
class Told:
    """All that a relay told of an answer."""

    sent: bytes
    error: tuple[Any, ...] | None
    usage: Usage | None
    items: Usage
    finish: str
    response_id: str | None
    finished: bool


class Heard:
    """A reader that keeps what it tells."""

    def __init__(self, reader: AnswerReader) -> None:
        self._reader = reader
        self.events: list[AnswerEvent] = []

    def frame(self, name: str, data: bytes) -> list[AnswerEvent]:
        return self._kept(self._reader.frame(name, data))

    def end(self) -> list[AnswerEvent]:
        return self._kept(self._reader.end())

    def whole(self, body: bytes) -> list[AnswerEvent]:
        return self._kept(self._reader.whole(body))

    def continuation(self) -> bytes | None:
        return self._reader.continuation()

    def _kept(self, events: list[AnswerEvent]) -> list[AnswerEvent]:
        self.events += events
        return events


def stream(dialect: Dialect) -> Callable[[bytes], object]:
    """What judges an upstream's stream."""

    def judge(data: bytes) -> object:
        passing = {"chat": _chat_stream, "responses": _responses_stream}.get(dialect)
        seen: list[object] = [_passed(passing, data)] if passing else []
        return (*seen, *(_translated(dialect, client, data, streamed=True) for client in CLIENTS))

    return judge


def body(dialect: Dialect) -> Callable[[bytes], object]:
    """What judges an upstream's plain answer."""

    def judge(data: bytes) -> object:
        passing = {"chat": _chat_body, "responses": _responses_body}.get(dialect)
        seen: list[object] = [_passed(passing, data)] if passing else []
        return (*seen, *(_translated(dialect, client, data, streamed=False) for client in CLIENTS))

    return judge


def pieces_of(data: bytes) -> list[bytes]:
    chance = random.Random(crc32(data))
    if len(data) <= BY_BYTE_MAX or chance.random() < 1 / 8:
        return by_byte(data)
    return cut(data, [chance.randrange(len(data)) for _ in range(PIECES)])


def _chat_stream() -> Relay:
    return ChatStreamRelay(model="public", include_usage=False, choices=1)


def _responses_stream() -> Relay:
    return ResponsesStreamRelay(model="public", upstream="vendor")


def _chat_body() -> Relay:
    return ChatPlainRelay(model="public", choices=1)


def _responses_body() -> Relay:
    return ResponsesPlainRelay(model="public", upstream="vendor")


def _passed(make: Make, data: bytes) -> object:
    whole, cut_up = _fed(make(), [data]), _fed(make(), pieces_of(data))
    assert whole.error == cut_up.error, f"whole {whole.error}, in pieces {cut_up.error}"
    if whole.error is None:
        assert whole == cut_up, f"whole {whole}, in pieces {cut_up}"
        assert all((frame.data or b"").decode() is not None for frame in FrameSplitter().feed(whole.sent))
    return _seen(whole)


def _translated(dialect: Dialect, client: Client, data: bytes, *, streamed: bool) -> object:
    choices = 1 + crc32(data) % 2 if client == "chat" and dialect in SEVERAL else 1
    request = ask_for(client, choices=choices, stream=streamed)
    kind = StreamTranslation if streamed else PlainTranslation
    readers: list[Heard] = []

    def make() -> Relay:
        readers.append(Heard(reader_for(dialect, request)))
        return kind(readers[-1], writer_for(client, stream=streamed), choices=choices)

    whole, cut_up = _fed(make(), [data]), _fed(make(), pieces_of(data))
    assert whole == cut_up, f"whole {whole}, in pieces {cut_up}"
    laws.check(readers[0].events, whole=whole.error is None, faithful=False)
    if choices == 1:  # of several an upstream may leave some out
        _check_sent(client, whole, streamed=streamed)
    kinds = frozenset(type(event).__name__ for event in readers[0].events)
    return client, kinds, _seen(whole)


def _fed(relay: Relay, pieces: Sequence[bytes]) -> Told:
    sent: list[bytes] = []
    error = None
    try:
        for _ in range(TURNS_MAX):
            for piece in pieces:
                held = relay.closing
                given = relay.feed(piece)
                assert not (held and given), "something was forwarded after the last finish"
                sent.append(given)
            relay.end()
            going_on = relay.continuation()
            if going_on is None:
                break
            assert isinstance(msgspec.json.decode(going_on), dict)
        else:
            raise AnswerError("It never ends.", malformed=True)
    except AnswerError as caught:
        error = (caught.message, caught.malformed, caught.type, caught.code, caught.param)
        sent.append(relay.failure(message=caught.message, type=caught.type or "server_error", code=caught.code))
    else:
        assert relay.closing
        assert relay.finished
        sent.append(relay.tail())
    _check_figures(relay, sum(map(len, pieces)))
    return Told(b"".join(sent), error, relay.usage, relay.items, relay.finish, relay.response_id, relay.finished)


def _check_figures(relay: Relay, size: int) -> None:
    """What an answer is billed by is bounded, and none of it is below nothing."""
    for usage in (relay.usage, relay.items):
        for value in msgspec.to_builtins(usage or Usage()).values():
            counts = [each["count"] for each in value] if isinstance(value, list) else [value]
            assert all(0 <= count <= COUNT_MAX for count in counts if isinstance(count, int)), usage
    assert 0 <= relay.delivered.output_bytes <= TURNS_MAX * 2 * size + 64, "more was delivered than came"


def _check_sent(client: Client, raw: Told, *, streamed: bool) -> None:
    if not streamed:
        answer = json.loads(raw.sent)
        assert (raw.error is None) == (answer.get("error") is None), "an error and an answer"
        return
    heard = (of_chat if client == "chat" else of_responses)(raw.sent)
    assert (heard.error is None) == (raw.error is None), "an error and an answer"
    if client == "responses":
        found = responses_grammar.events(raw.sent)
        if [event["type"] for event in found] != ["error"]:
            responses_grammar.check_events(found)


def _seen(raw: Told) -> object:
    """What makes an outcome one of its own: how it ended, and in which words of ours."""
    if raw.error is None:
        return raw.finish[:40], raw.usage is None
    message, malformed, *_ = raw.error
    return message if malformed else "an error of the upstream's"
