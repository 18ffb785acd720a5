"""Tracks each output item of an upstream's stream, so that all content is emitted exactly once.

Rule 1: the same content may be reported up to four times: in deltas, in the `done` event of its part, in the `done` event of its
        item, and in the closing response. The first report is emitted; later reports only add missing content.
Rule 2: if a later report contradicts an earlier one, the earlier one is kept, because the client already has it.
Rule 3: members of the wrong type make the answer malformed; absent members are ignored.
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
"""Limit for the parts of a message, the paragraphs of reasoning and the citations of a part."""


class CurrentMessage:
    """The message that text is added to: the length of its text so far, and its number."""

    def __init__(self) -> None:
        self.length = 0
        self.number = 0

    def end(self) -> None:
        self.length = 0
        self.number += 1


class ItemState(ABC):
    """One item. `handlers` are its event handlers, by the event's name without "response."."""

    handlers: ClassVar[Handlers] = {}

    def __init__(self, key: int, current: CurrentMessage, upstream: str) -> None:
        self.key = key
        self.finished = False
        self.answer_id: str | None = None
        self._current = current
        self._upstream = upstream

    def handle(self, name: str, event: Json) -> Events:
        """Handle one event of the item. Events without a handler are ignored."""
        handler = self.handlers.get(name)
        return [] if handler is None or self.finished else handler(self, event)

    def end(self, item: Json) -> Events:
        """End the item. `item` is its final form, empty if it was not reported."""
        if self.finished:
            return []
        self.finished = True
        return self._end(item)

    def streamed(self, name: str, event: Json) -> StreamedText | None:
        """The text that the delta `event` added to, if all that follows at the same place may be added to it directly."""
        return None

    @abstractmethod
    def added(self, item: Json) -> Events:
        """The events at the item's start. `item` is its initial form."""
        ...

    @abstractmethod
    def _end(self, item: Json) -> Events:
        """The remaining events of the item, its Done event included."""
        ...


def bound(places: int) -> None:
    if places >= PLACES_MAX:
        malformed("The answer contains an item with too many parts.")


class StreamedText:
    """A text that arrives in pieces."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def add(self, piece: str) -> str:
        if piece:
            self._pieces.append(piece)
        return piece

    def rest(self, whole: str) -> str:
        """The part of `whole` that has not arrived yet. It then counts as arrived. Empty if `whole` contradicts the pieces."""
        so_far = "".join(self._pieces)
        self._pieces = [so_far] if so_far else []
        return self.add(whole[len(so_far) :]) if whole.startswith(so_far) else ""

    def __bool__(self) -> bool:
        return bool(self._pieces)
