"""What has been told of each output item of an upstream's response, so that each word is told once.

Rule 1: an item may tell the same thing four times: in deltas, in the `done` of its part, in its own `done`, and in the closing
        response. What came first is told, and later tellings only add what was still missing.
Rule 2: where a later telling contradicts what was told, what was told stands: a client has it already.
Rule 3: members of the wrong type make the answer malformed; members that are absent say nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from app.wire.answer import AnswerEvent
from app.wire.relay import malformed
from app.wire.responses.values import Json

Events = list[AnswerEvent]
Handlers = Mapping[str, Callable[[Any, Json], Events]]

PLACES_MAX = 4096
"""Parts of a message, paragraphs of reasoning, citations of a part."""


class CurrentMessage:
    """The message that text goes to: how much text it has, and which message it is."""

    def __init__(self) -> None:
        self.length = 0
        self.number = 0

    def end(self) -> None:
        self.length = 0
        self.number += 1


class ItemState(ABC):
    """One item. `on` names what it hears of, by the event's name without "response."."""

    handlers: ClassVar[Handlers] = {}

    def __init__(self, key: int, current: CurrentMessage, upstream: str) -> None:
        self.key = key
        self.finished = False
        self._current = current
        self._upstream = upstream

    def handle(self, name: str, event: Json) -> Events:
        """One event of the item. What it has no word for says nothing."""
        handler = self.handlers.get(name)
        return [] if handler is None or self.finished else handler(self, event)

    def end(self, item: Json) -> Events:
        """The item is done: `item` as it stands there, empty where nobody told it again."""
        if self.finished:
            return []
        self.finished = True
        return self._end(item)

    @abstractmethod
    def added(self, item: Json) -> Events:
        """The item as it stands at its beginning."""
        ...

    @abstractmethod
    def _end(self, item: Json) -> Events:
        """What is still to be told of the item, and that it is done."""
        ...


def bound(places: int) -> None:
    if places >= PLACES_MAX:
        malformed("The answer holds an item of too many parts.")


class StreamedText:
    """A text that comes in pieces."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def add(self, piece: str) -> str:
        if piece:
            self._pieces.append(piece)
        return piece

    def rest(self, whole: str) -> str:
        """What is missing of the whole text, now told as well."""
        so_far = "".join(self._pieces)
        self._pieces = [so_far] if so_far else []
        return self.add(whole[len(so_far) :]) if whole.startswith(so_far) else ""

    def __bool__(self) -> bool:
        return bool(self._pieces)
