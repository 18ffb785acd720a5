"""Inputs that are nearly right: what a broken, old or hostile peer sends.

Rule 1: everything is drawn from one `random.Random`: the same seed gives the same inputs.
Rule 2: an input is at most SIZE_MAX bytes, so that what it may cost can be stated.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final, Literal

Shape = Literal["bytes", "json", "stream"]

SIZE_MAX: Final = 64 * 1024
DEEP: Final = (30, 199, 201, 1_100, 20_000)
_TOKEN = re.compile(rb'[\s",:;{}\[\]()=/<>-]+')
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_MARK: Final = "@@%d@@"
_RAW: Final[tuple[str, ...]] = (
    "9" * 30,
    "-1",
    "1e400",
    "-1e308",
    "1" * 5_000,
    "2147483648",
    "9223372036854775808",
    "1.0",
    "0.1",
    "NaN",
    "[" * 300 + "]" * 300,
    '{"a":' * 300 + "1" + "}" * 300,
    "[" * 20_000,
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\u0000"',
    '"a\x00b"',
)
"""Values that json.dumps would not write: they are put in for a mark."""
_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1, 7, 1.5, "", " ", "x", "null", "\u00fc\U0001f600", "\u2028", "a" * 3_000, "\n"),
    *([], [None], [[]], ["x"], [{}], {}, {"type": "x"}, {"text": "x"}, {"type": "text", "text": "x"}, {"": ""}),
)
_ODD: Final[tuple[bytes, ...]] = (
    *(b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xf4\x90\x80\x80", b"\\ud800", b"\\", b'"', b"\r"),
    *(
        b"\n",
        b"\r\n",
        b"\n\n",
        b"\r\r",
        b"[",
        b"{",
        b"}",
        b"]",
        b":",
        b",",
        b"data:",
        b"data",
        b"event: x\n",
        b": x\n\n",
    ),
    *(
        b"data: [DONE]\n\n",
        b"data: {}\n\n",
        b"data: null\n\n",
        b"id: 1\n",
        b"retry: 0\n",
        b"data\ndata\n\n",
        b"1e999",
        b"-0",
    ),
)


class Mutator:
    """Changes inputs of one kind. `words` is the dictionary of the protocol; `others` may grow while it works."""

    def __init__(self, chance: random.Random, shape: Shape, others: Sequence[bytes], words: Sequence[bytes]) -> None:
        self._chance = chance
        self._shape = shape
        self._others = others
        self._words = words or (b"",)
        self._by_bytes: tuple[Callable[[bytes], bytes], ...] = (
            *(self._flip, self._set, self._insert, self._delete, self._double, self._repeat, self._splice, self._swap),
            *(self._cut, self._renumber, self._line_ends, self._nest, self._replace_word),
        )
        self._by_frames: tuple[Callable[[list[bytes]], None], ...] = (
            *(self._drop_frame, self._double_frame, self._swap_frames, self._foreign_frame, self._odd_frame),
        )

    def mutate(self, data: bytes) -> bytes:
        """`data` with a few changes, most often one."""
        for _ in range(self._chance.choice((1, 1, 1, 2, 2, 3, 6))):
            data = self._once(data)[:SIZE_MAX]
        return data

    def _once(self, data: bytes) -> bytes:
        if self._shape != "bytes" and self._chance.random() < 0.6:
            return self._in_stream(data) if self._shape == "stream" else self._in_json(data)
        return self._chance.choice(self._by_bytes)(data)

    # -- Bytes, whatever they mean

    def _span(self, data: bytes) -> tuple[int, int]:
        start = self._chance.randrange(len(data) + 1)
        return start, min(len(data), start + int(self._chance.expovariate(1 / 16)) + 1)

    def _flip(self, data: bytes) -> bytes:
        place, bit = self._chance.randrange(len(data) or 1), 1 << self._chance.randrange(8)
        return data[:place] + bytes(byte ^ bit for byte in data[place : place + 1]) + data[place + 1 :]

    def _set(self, data: bytes) -> bytes:
        place = self._chance.randrange(len(data) + 1)
        return data[:place] + bytes([self._chance.randrange(256)]) + data[place + 1 :]

    def _insert(self, data: bytes) -> bytes:
        place = self._chance.randrange(len(data) + 1)
        return data[:place] + self._chance.choice(self._chance.choice((_ODD, self._words))) + data[place:]

    def _delete(self, data: bytes) -> bytes:
        start, end = self._span(data)
        return data[:start] + data[end:]

    def _double(self, data: bytes) -> bytes:
        start, end = self._span(data)
        return data[:end] + data[start:]

    def _repeat(self, data: bytes) -> bytes:
        start, end = self._span(data)
        times = self._chance.choice((3, 50, 2_000))
        return data[:end] + data[start:end] * min(times, SIZE_MAX // (end - start or 1)) + data[end:]

    def _splice(self, data: bytes) -> bytes:
        other = self._chance.choice(self._others)
        return data[: self._chance.randrange(len(data) + 1)] + other[self._chance.randrange(len(other) + 1) :]

    def _swap(self, data: bytes) -> bytes:
        """Two tokens in each other's place."""
        gaps = [found.span() for found in _TOKEN.finditer(data)]
        if len(gaps) < 4:
            return data
        tokens = [(one[1], other[0]) for one, other in pairwise(gaps)]
        (a, b), (c, d) = sorted(self._chance.sample(tokens, 2))
        return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]

    def _cut(self, data: bytes) -> bytes:
        return data[: self._chance.randrange(len(data) + 1)]

    def _renumber(self, data: bytes) -> bytes:
        numbers = [found.span() for found in _NUMBER.finditer(data)]
        if not numbers:
            return data
        start, end = self._chance.choice(numbers)
        return data[:start] + self._chance.choice(_RAW[:9]).encode() + data[end:]

    def _line_ends(self, data: bytes) -> bytes:
        return data.replace(b"\n", self._chance.choice((b"\r\n", b"\r", b"\n\n", b"")))

    def _nest(self, data: bytes) -> bytes:
        place, depth = self._chance.randrange(len(data) + 1), self._chance.choice(DEEP)
        opens, closes = self._chance.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"<<", b">>"), (b"[[", b"")))
        return data[:place] + opens * depth + b"1" + closes * depth + data[place:]

    def _replace_word(self, data: bytes) -> bytes:
        gaps = [found.span() for found in _TOKEN.finditer(data)]
        if len(gaps) < 2:
            return data
        at = self._chance.randrange(len(gaps) - 1)
        return data[: gaps[at][1]] + self._chance.choice(self._words) + data[gaps[at + 1][0] :]

    # -- Frames of a stream

    def _in_stream(self, data: bytes) -> bytes:
        frames = data.split(b"\n\n")
        if self._chance.random() < 0.4:
            self._chance.choice(self._by_frames)(frames)
            return b"\n\n".join(frames)
        result = [number for number, frame in enumerate(frames) if b"data: {" in frame]
        if not result:
            return data
        number = self._chance.choice(result)
        head, mark, payload = frames[number].partition(b"data: ")
        frames[number] = head + mark + self._in_json(payload)
        return b"\n\n".join(frames)

    def _drop_frame(self, frames: list[bytes]) -> None:
        del frames[self._chance.randrange(len(frames))]

    def _double_frame(self, frames: list[bytes]) -> None:
        number = self._chance.randrange(len(frames))
        times = self._chance.choice((1, 1, 2, 200)) if len(frames[number]) < 300 else 1
        frames[number:number] = [frames[number]] * times

    def _swap_frames(self, frames: list[bytes]) -> None:
        one, other = (self._chance.randrange(len(frames)) for _ in range(2))
        frames[one], frames[other] = frames[other], frames[one]

    def _foreign_frame(self, frames: list[bytes]) -> None:
        others = self._chance.choice(self._others).split(b"\n\n")
        frames.insert(self._chance.randrange(len(frames) + 1), self._chance.choice(others))

    def _odd_frame(self, frames: list[bytes]) -> None:
        odd = (
            b"data: [DONE]",
            b": ping",
            b"event: ping",
            b"data: {}",
            b"data: null",
            b"data:",
            b"data: [",
            b"error: x",
        )
        frames.insert(self._chance.randrange(len(frames) + 1), self._chance.choice(odd))

    # -- Values of a JSON text

    def _in_json(self, data: bytes) -> bytes:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return self._chance.choice(self._by_bytes)(data)
        holder, name = self._place(value)
        if holder is None:
            return data
        raw = self._change(holder, name)
        try:
            text = json.dumps(value, ensure_ascii=self._chance.random() < 0.5, separators=(",", ":"))
        except (ValueError, RecursionError):
            return data
        if raw >= 0:
            text = text.replace(f'"{_MARK % raw}"', _RAW[raw])
        return text.encode("utf-8", "surrogatepass")

    def _place(self, value: Any) -> tuple[Any, Any]:
        """Some member or element, at any depth."""
        holder: Any = None
        name: Any = None
        while isinstance(value, dict | list) and value:
            holder, name = value, self._chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
            value = holder[name]
            if self._chance.random() < 0.2:
                break
        return holder, name

    def _change(self, holder: Any, name: Any) -> int:
        """Changes one value. A number: it has become the mark of _RAW[number]."""
        kind = self._chance.random()
        if kind < 0.15:
            del holder[name]
        elif kind < 0.25 and isinstance(holder, list):
            holder.insert(name, holder[name])
        elif kind < 0.3 and isinstance(holder, list):
            holder[name:name] = [holder[name]] * self._chance.choice((5, 300))
        elif kind < 0.4 and isinstance(holder, dict):
            holder[self._word()] = holder.pop(name)
        elif kind < 0.5 and isinstance(holder, dict):
            holder[self._word()] = self._donated()
        elif kind < 0.6:
            holder[name] = self._donated()
        elif kind < 0.7:
            holder[name] = self._word()
        elif kind < 0.85:
            holder[name] = self._chance.choice(_VALUES)
        else:
            number = self._chance.randrange(len(_RAW))
            holder[name] = _MARK % number
            return number
        return -1

    def _word(self) -> str:
        return self._chance.choice(self._words).decode("utf-8", "replace")

    def _donated(self) -> Any:
        """A value out of another input."""
        other = self._chance.choice(self._others)
        if self._shape == "stream":
            other = self._chance.choice(other.split(b"data: ")).partition(b"\n")[0]
        try:
            holder, name = self._place(json.loads(other))
        except (ValueError, RecursionError):
            return None
        return None if holder is None else holder[name]
