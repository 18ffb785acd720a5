"""Translates an answer from one protocol to another: a reader and a writer, combined under the rules of every relay.

Rule 1: once the last requested choice is finished (or the whole answer has ended), everything is held. If all choices that began
        are finished but more were requested, what follows is held until another one begins or the answer ends.
Rule 2: if the answer turns out to be at fault, bytes already written for the client are sent before the failure, because the writer
        has counted them. Held bytes are never sent: no client sees a finished answer without a debit.
Rule 3: comments and frames without data are not translated.
Rule 4: an answer may be paused: end() then leaves it unfinished, and continuation() returns the body that continues it.
Rule 5: the end of an answer is written by tail(), because it shows the usage that the answer is billed by.
Rule 6: if the rest of a closing answer never arrives, the answer ends with the information received so far, and the client still
        gets the last event.
Rule 7: the upstream's form and the client's are independent: a stream may be written as one body, and a body as a stream. Then
        nothing is forwarded until the answer is complete.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

import msgspec

from app.wire.answer import (
    AnswerEnded,
    AnswerEvent,
    AnswerReader,
    AnswerWriter,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
    ChoiceResumed,
    ImageDone,
    ImagePartial,
    ReasoningDelta,
    ReasoningDone,
    RefusalDelta,
    SearchBegun,
    SearchDone,
    TextDelta,
)
from app.wire.envelope import error_envelope, error_in_body
from app.wire.exchange import AnswerError
from app.wire.readable import Unreadable, readable
from app.wire.relay import BODY_BYTES_MAX, DONE, HELD_BYTES_MAX, AnswerState, malformed, text_bytes
from app.wire.sse import BOM, FrameSplitter
from app.wire.usage import Item, call_counts, item_usage
from domain.usage import Usage

_ENDS = frozenset({ReasoningDone, CallDone, SearchBegun, SearchDone})
HELD_EVENT_BYTES = 200
"""What an event takes in memory, apart from its text."""


class EventState(AnswerState):
    """The state of an answer that is read into events: each event is counted."""

    def __init__(self, *, choices: int) -> None:
        super().__init__()
        self._open = choices
        self._reasons: dict[int, str] = {}
        self._begun: set[int] = set()
        self._event_bytes = 0
        self._searches = 0
        self._custom = 0
        self._images: dict[int, Item] = {}
        self._listed: Usage | None = None
        self._ended: AnswerEnded | None = None

    @property
    def items(self) -> Usage:
        """Searches, images and custom tool calls: those that the vendor lists at the end, else those seen in the stream. Estimates
        start from this."""
        if self._listed is not None:
            return self._listed
        images = item_usage(self._images.values()).images if self._images else ()
        calls = call_counts(["custom"] * self._custom) if self._custom else ()
        return Usage(web_search_calls=self._searches, images=images, calls=calls)

    @property
    def finish(self) -> str:
        """Each reason once, in the order of the choices."""
        return ",".join(dict.fromkeys(reason for _, reason in sorted(self._reasons.items())))

    @property
    def waiting(self) -> bool:
        """Every choice that began is finished, but more may begin."""
        return bool(self._reasons) and self._begun <= self._reasons.keys()

    def note(self, event: AnswerEvent) -> None:
        choice = getattr(event, "choice", None)
        if choice is not None:
            self._begun.add(choice)
        match event:
            case TextDelta() | RefusalDelta() | ReasoningDelta() | CallDelta():
                self.add_output(text_bytes(event.text))
            case CallBegun(kind="custom"):
                self._custom += 1
            case SearchDone():
                self._searches += not event.failed and event.action.get("type") == "search"
            case ImagePartial() | ImageDone():
                self._bound(len(event.data))
                quality, size_name = event.details.get("quality"), event.details.get("size")
                self._images[event.key] = Item(type="image_generation_call", quality=quality, size=size_name)
            case ChoiceFinished():
                self._open -= event.choice not in self._reasons
                self._reasons[event.choice] = event.reason
                self.closing = self._open <= 0
            case AnswerEnded():
                self._listed = event.items
                self._searches = max(self._searches, event.searches)
                self.delivered.output_bytes += event.eventless_bytes
                self._usage = self._with_calls(event.usage)
                self._ended = event
                self.closing = self.finished = True
            case _:
                pass

    def add_output(self, size: int) -> None:
        """Count `size` bytes of text, reasoning or arguments."""
        self.delivered.output_bytes += size
        self._bound(size)

    def _with_calls(self, usage: Usage | None) -> Usage | None:
        """Vendors may omit custom tool calls from usage; if so, the number seen in the stream is used."""
        if usage is None or usage.calls or not self._custom:
            return usage
        return msgspec.structs.replace(usage, calls=self.items.calls)

    def _bound(self, size: int) -> None:
        self._event_bytes += size
        if self._event_bytes > BODY_BYTES_MAX:
            malformed("The answer is too long.")


class _Translation(EventState):
    """Shared by streams and plain answers: each event is counted on its way from the reader to the writer.

    `done` ends what the client gets: [DONE] for a stream, b"" for a body.
    """

    def __init__(self, reader: AnswerReader, writer: AnswerWriter, *, choices: int, done: bytes) -> None:
        super().__init__(choices=choices)
        self._last = done
        self._reader = reader
        self._writer = writer

    @property
    def response_id(self) -> str:
        return self._writer.response_id

    def _end(self, usage: Usage | None) -> bytes:
        """The end of the answer, which shows `usage`, else the reported usage."""
        assert self._ended is not None, "only an answer that ended has an end"
        shown = self._ended if usage is None else msgspec.structs.replace(self._ended, usage=usage)
        return self._writer.write(shown)


class StreamTranslation(_Translation):
    """Translates an upstream's stream."""

    def __init__(self, reader: AnswerReader, writer: AnswerWriter, *, choices: int, done: bytes = DONE) -> None:
        super().__init__(reader, writer, choices=choices, done=done)
        self._splitter = FrameSplitter()
        self._ready: list[bytes] = []
        self._held: list[AnswerEvent] = []
        self._held_bytes = 0

    def feed(self, data: bytes) -> bytes:
        assert not self._failed, "fed after an error"
        self._failed = True
        for frame in self._splitter.feed(data):
            if self.finished:
                break
            if frame.data:
                self._write(self._read(frame.event, frame.data))
        self._failed = False
        return self._take()

    def end(self) -> None:
        assert not self._failed, "ended after an error"
        self._failed = True
        rest = self._splitter.flush()
        if rest is not None and not self.finished:
            self._end_with(rest.event, rest.data, rest.raw)
        if not self.finished:
            self._write(self._reader.end())
        self._failed = False

    def cut(self) -> None:
        """End with the usage that the reader knows. If the reader cannot end, the answer ends without usage."""
        assert self.closing, "only a closing answer may be cut"
        with contextlib.suppress(AnswerError):
            self._write(self._reader.end())
        if not self.finished:
            self._write([AnswerEnded()])
        self.finished = False

    def continuation(self) -> bytes | None:
        """Raises AnswerError if the answer neither ended nor paused."""
        if self.finished:
            return None
        return _continuation_of(self._reader)

    def tail(self, usage: Usage | None = None) -> bytes:
        assert self.closing, "nothing is held before the last choice is finished"
        return b"".join([*self._ready, *self._written_held(), self._end(usage), self._last])

    def failure(self, *, message: str, type: str, code: str | None) -> bytes:
        return b"".join([*self._ready, self._writer.failure(message=message, type=type, code=code)])

    def _take(self) -> bytes:
        written = b"".join(self._ready)
        self._ready.clear()
        self.delivered.frames += bool(written)
        return written

    def _read(self, name: str, data: bytes) -> list[AnswerEvent]:
        try:
            return self._reader.frame(name, data)
        except Unreadable as unreadable:
            return self._reader.frame(name, readable(data, unreadable))

    def _write(self, events: Iterable[AnswerEvent]) -> None:
        ends: list[AnswerEvent] = []  # from the first end on: all of it is held if the choice finishes with it
        for event in events:
            self.note(event)
            if isinstance(event, ChoiceResumed):
                self._pass(ends)
                ends = []
                self._undo(event)
            elif ends or type(event) in _ENDS:
                ends.append(event)
            elif not isinstance(event, AnswerEnded):
                self._pass((event,))
        if ends:
            self._pass([event for event in ends if not isinstance(event, AnswerEnded)])

    def _pass(self, events: Sequence[AnswerEvent]) -> None:
        if self.closing or self.waiting:
            for event in events:
                self._hold(event)
        elif events:
            if self._held:
                self._ready += self._written_held()
            self._ready.extend(map(self._writer.write, events))

    def _hold(self, event: AnswerEvent) -> None:
        self._held_bytes += HELD_EVENT_BYTES + len(getattr(event, "text", ""))
        if self._held_bytes > HELD_BYTES_MAX and not self.finished:
            malformed("The answer continues after its end.")
        self._held.append(event)

    def _undo(self, resumed: ChoiceResumed) -> None:
        """Drop the premature end of a choice, which is among the last events held."""
        keys, kept = set(resumed.keys), []
        while self._held:
            event = self._held.pop()
            if _continues(event, resumed.choice, keys):
                kept.append(event)
                break
            is_end = isinstance(event, CallDone | ReasoningDone) and event.key in keys
            if not is_end and not (isinstance(event, ChoiceFinished) and event.choice == resumed.choice):
                kept.append(event)
        self._held += reversed(kept)

    def _written_held(self) -> list[bytes]:
        held, self._held, self._held_bytes = self._held, [], 0
        return [self._writer.write(event) for event in held]

    def _end_with(self, name: str, data: bytes | None, raw: bytes) -> None:
        """Handle an unterminated last frame. It counts if it is valid; an error body without frames is raised as an error."""
        if data:
            self._write(self._read(name, data))
        elif not self.closing and (error := error_in_body(raw)):
            raise error


class PlainTranslation(_Translation):
    """Translates an upstream's one body. Nothing is forwarded until it is complete."""

    def __init__(self, reader: AnswerReader, writer: AnswerWriter, *, choices: int, done: bytes = b"") -> None:
        super().__init__(reader, writer, choices=choices, done=done)
        self._body = bytearray()
        self._answer = b""

    def feed(self, data: bytes) -> bytes:
        assert not self._failed, "fed after an error"
        self._body += data
        if len(self._body) > BODY_BYTES_MAX:
            self._failed = True
            malformed("The answer is too long.")
        return b""

    def end(self) -> None:
        assert not self._failed, "ended after an error"
        self._failed = True
        body = bytes(self._body).removeprefix(BOM)
        self._body.clear()
        try:
            events = self._reader.whole(body)
        except Unreadable as unreadable:
            events = self._reader.whole(readable(body, unreadable))
        for event in events:
            self.note(event)
            if not isinstance(event, AnswerEnded):
                self._answer += self._writer.write(event)
        self.closing = self.finished
        self._failed = False

    def continuation(self) -> bytes | None:
        """Raises AnswerError if the answer neither ended nor paused."""
        return None if self.finished else _continuation_of(self._reader)

    def tail(self, usage: Usage | None = None) -> bytes:
        assert self.closing, "nothing is held before the body is complete"
        return self._answer + self._end(usage) + self._last

    def failure(self, *, message: str, type: str, code: str | None) -> bytes:
        if not self._last:
            return error_envelope(message=message, type=type, code=code)
        return self._writer.failure(message=message, type=type, code=code)


def _continues(event: AnswerEvent, choice: int, keys: set[int]) -> bool:
    """Whether the event is content of the choice, whose reasoning and calls are `keys`."""
    if isinstance(event, TextDelta | RefusalDelta):
        return event.choice == choice
    return isinstance(event, ReasoningDelta | CallDelta) and event.key in keys


def _continuation_of(reader: AnswerReader) -> bytes:
    body = reader.continuation()
    if body is None:
        raise AnswerError("The answer ended before it was complete.", malformed=True)
    return body
