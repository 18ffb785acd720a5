"""What the blocks of one answer share while they are told as events, and how their members are read.

Rule: a member that is absent or null is empty; one of the wrong type makes the answer malformed.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import msgspec

from app.wire.answer import AnswerEvent, SearchDone, TextDelta
from app.wire.relay import malformed

Raw = dict[str, Any]


class BlockState:
    """What the blocks of one answer share. `output_tool` names the tool that stands for the answer's text, if there is one."""

    def __init__(self, upstream: str, output_tool: str | None) -> None:
        self.upstream = upstream
        self.output_tool = output_tool
        self.called = False
        self.searched = 0
        self.searches: dict[str, Search] = {}
        self.message = 0
        self.length = 0
        self._keys = 0

    def key(self) -> int:
        self._keys += 1
        return self._keys - 1

    def break_message(self) -> None:
        """What comes now ends the current message; text after it is a new one."""
        self.message += 1
        self.length = 0

    def add_text(self, text: str) -> list[AnswerEvent]:
        if not text:
            return []
        self.length += len(text)
        return [TextDelta(text)]

    def abandon_searches(self) -> list[AnswerEvent]:
        """The answer ends: searches without results have failed."""
        events = [search.done([], failed=True) for search in self.searches.values()]
        self.searches.clear()
        return events


class Search(msgspec.Struct):
    key: int
    query: str = ""

    def done(self, urls: list[str], *, failed: bool) -> AnswerEvent:
        sources = [{"type": "url", "url": url} for url in urls]
        action = {"type": "search", "query": self.query, "queries": [self.query], "sources": sources}
        return SearchDone(self.key, action, failed)


def text_of(holder: Raw, name: str) -> str:
    """A text member, "" where there is none."""
    value = holder.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        malformed(f"The answer's {name} is no text.")
    return value


def list_of(holder: Raw, name: str) -> list[Any]:
    """A list member, empty where there is none."""
    value = holder.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        malformed(f"The answer's {name} is no list.")
    return value


def id_of(holder: Raw, name: str) -> str:
    """A text that must be there."""
    value = text_of(holder, name)
    if not value:
        malformed(f"The answer holds a block without its {name}.")
    return value


def is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value)


def encoded(value: Any) -> bytes:
    """What an answer holds, as JSON again: it may be nested as deep as could be read, and then a little deeper."""
    try:
        return msgspec.json.encode(value)
    except RecursionError:
        malformed("The answer is nested too deep.")
