"""Finds the item that an event is about.

Rule 1: an item is identified by its id or, because some upstreams change the id in each event, by its output_index.
Rule 2: an event with neither is about the last item of its type, unless that one is finished.
Rule 3: an item that was opened without an output_index is the first of its type that is listed later under an unknown id.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.wire.relay import malformed
from app.wire.responses.call_state import CallState, CustomCallState, ImageState, SearchState
from app.wire.responses.item_state import CurrentMessage, ItemState
from app.wire.responses.message_state import MessageState, ReasoningState
from app.wire.responses.values import Json
from app.wire.responses.verdict import word

ITEMS_MAX = 4096
_KINDS: Final[dict[str, type[ItemState]]] = {
    "message": MessageState,
    "reasoning": ReasoningState,
    "function_call": CallState,
    "custom_tool_call": CustomCallState,
    "web_search_call": SearchState,
    "image_generation_call": ImageState,
}


class ItemIndex:
    """The items of one answer that have a state."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._current = CurrentMessage()
        self._items: list[ItemState] = []
        self._by_index: dict[int, ItemState] = {}
        self._by_id: dict[str, ItemState] = {}
        self._unplaced: list[ItemState] = []

    def __iter__(self) -> Iterator[ItemState]:
        return iter(self._items)

    def find(self, event: Json, item: Json) -> ItemState | None:
        """The known item that `event` is about. `item` has its type and, if known, its id."""
        kind = _KINDS.get(word(item.get("type")) or "")
        index, name = _index(event), word(item.get("id"))
        if index is None and name is None:
            last = next((state for state in reversed(self._items) if type(state) is kind), None)
            return None if last is not None and last.finished else last
        found = self._by_id.get(name or "")
        if found is None and index is not None:
            found = self._by_index.get(index) or self._claimed(kind, index)
        return found if type(found) is kind else None

    def open(self, event: Json, item: Json) -> ItemState | None:
        """A state for a new item, or None if nothing is tracked for its type."""
        kind = _KINDS.get(word(item.get("type")) or "")
        if kind is None:
            return None
        if len(self._items) >= ITEMS_MAX:
            malformed("The answer contains too many items.")
        opened = kind(len(self._items), self._current, self._upstream)
        self._items.append(opened)
        index, name = _index(event), word(item.get("id"))
        if index is None:
            self._unplaced.append(opened)
        else:
            self._by_index[index] = opened
        if name is not None:
            self._by_id[name] = opened
        return opened

    def _claimed(self, kind: type[ItemState] | None, index: int) -> ItemState | None:
        found = next((state for state in self._unplaced if type(state) is kind), None)
        if found is not None:
            self._unplaced.remove(found)
            self._by_index[index] = found
        return found


def _index(event: Json) -> int | None:
    index: Any = event.get("output_index")
    if type(index) is float and index.is_integer():
        index = int(index)
    return index if type(index) is int else None
