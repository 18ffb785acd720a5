"""State shared by the blocks of one answer while they are turned into events, and access to their members.

Rule: a member that is absent or null is empty; one of the wrong type makes the answer malformed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

import msgspec

from app.wire.answer import AnswerEvent, SearchDone, TextDelta
from app.wire.relay import malformed

Raw = dict[str, Any]


class BlockState:
    """State shared by the blocks of one answer. `output_tool` names the tool whose input is the answer's text, if any."""

    def __init__(self, upstream: str, output_tool: str | None) -> None:
        self.upstream = upstream
        self.output_tool = output_tool
        self.names: Mapping[str, str] = {}
        self.called = False
        self.spoke = False
        self.searched = 0
        self.searches: dict[str, Search] = {}
        self.message = 0
        self.length = 0
        self._keys = 0

    def key(self) -> int:
        self._keys += 1
        return self._keys - 1

    def break_message(self) -> None:
        """End the current message: text that follows belongs to a new one."""
        self.message += 1
        self.length = 0

    def add_text(self, text: str) -> list[AnswerEvent]:
        if not text:
            return []
        self.length += len(text)
        self.spoke = True
        return [TextDelta(text)]

    def abandon_searches(self) -> list[AnswerEvent]:
        """The events of searches that never got results: at the end of the answer they have failed."""
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
    """A text member, "" if absent."""
    value = holder.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        malformed(f"The answer's {name} is not text.")
    return value


def list_of(holder: Raw, name: str) -> list[Any]:
    """A list member, empty if absent."""
    value = holder.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        malformed(f"The answer's {name} is not a list.")
    return value


def id_of(holder: Raw, name: str) -> str:
    """A text member that is required."""
    value = text_of(holder, name)
    if not value:
        malformed(f"The answer contains a block without {name}.")
    return value


def is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value)


def encoded(value: Any) -> bytes:
    """`value`, which was part of an answer, as JSON. It may be nested deeper than can be encoded: then the answer is malformed."""
    try:
        return msgspec.json.encode(value)
    except RecursionError:
        malformed("The answer is nested too deeply.")
