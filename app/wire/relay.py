"""Shared by all relays: frames in order, holding from the closing frame on, limits, and an orderly end.

Rule 1: feed() is all or nothing: if it raises, none of the bytes of that call were forwarded, and the counts are unchanged.
Rule 2: from the closing frame on, everything is held in order, up to HELD_BYTES_MAX. Everything after `finished` is dropped.
Rule 3: nothing may be fed after an error. An answer that ends without its closing frame is malformed.
Rule 4: comments and frames without data pass unchanged. If they come at the start, they are held until the first frame with data,
        because they do not mean that an answer has begun.
Rule 5: while every choice that began is finished but more may begin, frames are held. They are forwarded if another choice begins.
        Otherwise they are the end of the answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NoReturn, TypeVar

import msgspec

from app.wire.envelope import error_envelope, error_in_body
from app.wire.exchange import AnswerError, Delivered
from app.wire.readable import Unreadable, readable
from app.wire.sse import BOM, MAX_FRAME_BYTES, Frame, FrameSplitter
from domain.usage import Usage

HELD_BYTES_MAX = 2 * MAX_FRAME_BYTES
BODY_BYTES_MAX = 64 * 1024 * 1024
DONE = b"data: [DONE]\n\n"

T = TypeVar("T")


class AnswerState:
    """The state of every answer, streamed or plain."""

    def __init__(self) -> None:
        self.closing = False
        self.finished = False
        self.delivered = Delivered()
        self._failed = False
        self._usage: Usage | None = None
        self._items = Usage()
        self._finish = ""
        self._response_id: str | None = None

    @property
    def usage(self) -> Usage | None:
        return self._usage

    @property
    def items(self) -> Usage:
        return self._items

    @property
    def finish(self) -> str:
        return self._finish

    @property
    def response_id(self) -> str | None:
        return self._response_id

    def cut(self) -> None:
        """A pass-through has already counted everything that arrived, so there is nothing to add."""

    def continuation(self) -> bytes | None:
        """A pass-through is never paused."""
        return None


class StreamRelay(AnswerState, ABC):
    """Relays a stream of frames. Subclasses handle one frame at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._splitter = FrameSplitter()
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._sequence = -1
        self._waiting = False
        self._data_seen = False

    @abstractmethod
    def _take(self, frame: Frame, data: bytes) -> bytes:
        """Handle one frame with data: updates the state, returns the bytes that the client may see (b"" for none)."""

    @abstractmethod
    def _show(self, held: list[bytes], usage: Usage) -> list[bytes]:
        """The held frames, so that they show the billed usage."""

    def feed(self, data: bytes) -> bytes:
        assert not self._failed, "fed after an error"
        delivered = self.delivered
        before = self.closing, delivered.output_bytes, delivered.frames, self._sequence
        try:
            return b"".join(self._forwarded(self._splitter.feed(data)))
        except AnswerError:
            self._failed = True
            self.closing, delivered.output_bytes, delivered.frames, self._sequence = before
            raise

    def end(self) -> None:
        assert not self._failed, "ended after an error"
        rest = self._splitter.flush()
        if rest is not None and not self.finished:
            self._failed = True
            self._end_with(rest)
            self._failed = False
        if not self.closing:
            self._failed = True
            malformed("The answer ended before it was complete.")
        self.finished = True

    def tail(self, usage: Usage | None = None) -> bytes:
        assert self.closing, "nothing is held before the closing frame"
        if usage is not None:
            self._held = self._show(self._held, usage)
        return b"".join([*self._held, DONE])

    def _forwarded(self, frames: list[Frame]) -> list[bytes]:
        forwarded = []
        for frame in frames:
            if self.finished:
                break
            if not frame.data and not self._data_seen:
                self._hold(frame.raw)
                continue
            self._data_seen = True
            raw = self._taken(frame, frame.data) if frame.data else frame.raw
            if self.closing or self._waiting:
                self._hold(raw)
            elif raw:
                forwarded += [*self._held, raw]
                self.delivered.frames += 1 + len(self._held)
                self._held, self._held_bytes = [], 0
        return forwarded

    def _taken(self, frame: Frame, data: bytes) -> bytes:
        try:
            return self._take(frame, data)
        except Unreadable as unreadable:
            data = readable(data, unreadable)
            return self._take(Frame(frame.with_data(data), frame.event, data, frame.at), data)

    def _end_with(self, rest: Frame) -> None:
        """Handle an unterminated last frame. It counts if it is valid; an error body without frames is raised as an error."""
        if not rest.data and not self.closing and (error := error_in_body(rest.raw)):
            raise error
        if rest.data:
            self._hold(self._taken(rest, rest.data))

    def _hold(self, raw: bytes) -> None:
        self._held_bytes += len(raw)
        if self._held_bytes > HELD_BYTES_MAX:
            malformed("The answer continues after its end.")
        if raw:
            self._held.append(raw)


class PlainRelay(AnswerState, ABC):
    """Relays one JSON body. Nothing is forwarded until it is complete."""

    def __init__(self) -> None:
        super().__init__()
        self._body = bytearray()
        self._answer = b""

    @abstractmethod
    def _whole(self, body: bytes) -> bytes:
        """Handle the body: sets the state, returns the bytes that the client may see."""

    def feed(self, data: bytes) -> bytes:
        assert not self._failed, "fed after an error"
        self._body += data
        if len(self._body) > BODY_BYTES_MAX:
            self._failed = True
            malformed("The answer is too long.")
        return b""

    def end(self) -> None:
        assert not self._failed, "ended after an error"
        body = bytes(self._body).removeprefix(BOM)
        self._body.clear()
        self._failed = True
        try:
            self._answer = self._whole(body)
        except Unreadable as unreadable:
            self._answer = self._whole(readable(body, unreadable))
        self._failed = False
        self.closing = self.finished = True

    @abstractmethod
    def _show(self, answer: bytes, usage: Usage) -> bytes:
        """The answer, so that it shows the billed usage."""

    def tail(self, usage: Usage | None = None) -> bytes:
        assert self.closing, "nothing is held before the body is complete"
        return self._answer if usage is None else self._show(self._answer, usage)

    def failure(self, *, message: str, type: str, code: str | None) -> bytes:
        return error_envelope(message=message, type=type, code=code)


def is_done(data: bytes) -> bool:
    """Whether a frame's data is the mark at the end of a stream, with or without blanks around it."""
    return data.lstrip().startswith(b"[DONE]")


def text_bytes(value: Any) -> int:
    """The UTF-8 length of a text member; 0 if the value is not text."""
    if not isinstance(value, str):
        return 0
    return len(value) if value.isascii() else len(value.encode())


def decoded(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw) -> T:
    """`data` decoded. Raises AnswerError if it does not fit or is not all UTF-8 (members that are not read would go unchecked)."""
    try:
        if not isinstance(data, msgspec.Raw) and not data.isascii():
            data.decode()
        return decoder.decode(data)
    except (ValueError, RecursionError):
        raise Unreadable from None


def malformed(message: str) -> NoReturn:
    raise AnswerError(message, malformed=True)
