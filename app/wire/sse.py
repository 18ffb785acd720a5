"""Splits a byte stream into server-sent events (WHATWG HTML, 9.2.6).

Rule 1: frames depend only on the bytes, never on how they were divided into reads.
Rule 2: a frame keeps its bytes: the frames and the pending rest, joined, are the stream. A pass-through therefore changes nothing.
        Only a byte order mark in front of the stream is removed: clients would take it for the first field's name.
Rule 3: a frame longer than MAX_FRAME_BYTES is malformed, whether or not its end has arrived.

Lines end in LF, CRLF or CR. A frame ends with the first line end that directly follows another one. In a stream with bare CRs, a
frame's end is known only one byte later, because that byte may be the LF of a CRLF.
"""

from __future__ import annotations

import re

import msgspec

from app.wire.exchange import AnswerError

MAX_FRAME_BYTES = 8 * 1024 * 1024
"""Image events carry several MB of base64."""

BOM = b"\xef\xbb\xbf"
_BLANK_LINE = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")
_LINE = re.compile(rb"([^\r\n]*)(?:\r\n|\r|\n)")
_OVERLAP = 3
"""A blank line of CRLFs may start up to this many bytes before the end of the bytes already searched."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One frame. `data` is None without a data field. `at` is the offset of the data in `raw`, or -1 if it spans several lines."""

    raw: bytes
    event: str
    data: bytes | None
    at: int

    def with_data(self, data: bytes) -> bytes:
        """This frame's bytes with different data; event, id and comments are kept."""
        old = self.data or b""
        if self.at >= 0:
            return self.raw[: self.at] + data + self.raw[self.at + len(old) :]
        lines = [found[1] for found in _LINE.finditer(self.raw)]
        kept = [line for line in lines if line and line.partition(b":")[0] != b"data"]
        return b"\n".join([*kept, *(b"data: " + line for line in data.split(b"\n")), b"", b""])


class FrameSplitter:
    """Bytes in, whole frames out."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._searched = 0
        self._first = True
        self._cr = False  # whether a CR has been seen: as long as there is none, only two LFs end a frame

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. Raises AnswerError (malformed) if one is too long."""
        self._cr = self._cr or b"\r" in data
        if self._pending:
            self._pending += data
            if self._end(self._pending, self._searched) < 0:
                self._wait()
                return []
            data = bytes(self._pending)
            self._pending.clear()
        return self._split(data)

    def flush(self) -> Frame | None:
        """The unterminated last frame at the end of a stream, terminated, or None if only line ends are pending."""
        rest = bytes(self._pending).rstrip(b"\r\n")
        self._pending.clear()
        return self._frame(rest + b"\n\n") if rest else None

    def _split(self, data: bytes) -> list[Frame]:
        frames = []
        start = 0
        while (end := self._end(data, start)) >= 0:
            frames.append(self._frame(data[start:end]))
            start = end
        if start < len(data):
            self._pending += data[start:]
            self._wait()
        return frames

    def _wait(self) -> None:
        _bound(len(self._pending))
        self._searched = max(0, len(self._pending) - _OVERLAP)

    def _end(self, data: bytes | bytearray, start: int) -> int:
        """The offset where the frame at `start` ends, -1 if not known yet."""
        if not self._cr:
            found = data.find(b"\n\n", start)
            return -1 if found < 0 else found + 2
        blank = _BLANK_LINE.search(data, start)
        if blank is None or (blank.end() == len(data) and data.endswith(b"\r")):
            return -1
        return blank.end()

    def _frame(self, raw: bytes) -> Frame:
        _bound(len(raw))
        if self._first:
            raw, self._first = raw.removeprefix(BOM), False
        if not self._cr:
            line_end, last = raw.find(b"\n"), len(raw) - 2
            if line_end == last and raw.startswith(b"data: "):
                return Frame(raw, "", raw[6:-2], 6)
            at = line_end + 7
            if raw.startswith(b"data: ", line_end + 1) and raw.startswith(b"event: ") and raw.find(b"\n", at) == last:
                return Frame(raw, raw[7:line_end].decode(errors="replace"), raw[at:-2], at)
        return _parsed(raw)


def _parsed(raw: bytes) -> Frame:
    event = ""
    data: list[bytes] = []
    at = -1
    for line in _LINE.finditer(raw):
        name, _, value = line[1].partition(b":")
        spaced = value.startswith(b" ")
        if name == b"data":
            at = line.end(1) - len(value) + spaced if not data else -1
            data.append(value[spaced:])
        elif name == b"event":
            event = value[spaced:].decode(errors="replace")
    return Frame(raw, event, b"\n".join(data) if data else None, at)


def _bound(size: int) -> None:
    if size > MAX_FRAME_BYTES:
        raise AnswerError("The answer contains an event that is too long.", malformed=True)
