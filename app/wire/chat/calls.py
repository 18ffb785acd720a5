"""Puts the tool calls of chat upstreams in order: which call a delta belongs to, and when a call begins.

Upstreams differ: deltas without an index, or with index 0 for every call; ids that are repeated, missing or new in each delta;
names that are repeated, come late or come in pieces; arguments as an object. Hence:

Rule 1: a delta belongs to the call with its index; without an index, to the call with its id; without either, to the last call.
Rule 2: only a delta with a name can start another call. It does so if its index or id is new, if its id differs from that of the
        call at its index, or if the same list already has an entry for that index or, without an index, for that id.
Rule 3: a delta with a name and arguments also starts another call if those of its call are already a complete object. It never
        does so if it repeats the name while they are not yet complete, unless it begins an object itself.
Rule 4: a name may come in pieces, or longer each time, until the arguments begin. So a call begins with its arguments, with another
        call, or at the end. Arguments that arrive before the name are kept until then.
Rule 5: each call has an index and an id of its own. An index or an id that an earlier call has is replaced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from app.wire.answer import AnswerEvent, CallBegun, CallDelta, CallDone
from app.wire.chat.progress import Progress
from app.wire.figures import place
from app.wire.relay import malformed

CALLS_MAX = 1024
WAITING_LENGTH_MAX = 1_000_000
ID_LENGTH_MAX = 512
NAME_LENGTH_MAX = 100_000


class Call:
    """One call. `index` and `id` are those for clients; `id` is "" until it is known.

    - `upstream_id` is "" if the upstream sent none. `key` is None until the name is known.
    - `added`: the last delta's new part of the name.
    - `shown`: a pass-through has sent the beginning of the call.
    - `empty`: no arguments have arrived.
    """

    def __init__(self, index: int) -> None:
        self.upstream_id = ""
        self.index = index
        self.id = ""
        self.kind: Literal["function", "custom"] = "function"
        self.shown = False
        self.empty = True
        self.key: int | None = None
        self.name = self.added = ""
        self.begun = False
        self.arguments = Progress()
        self.waiting = ""

    def add_name(self, piece: str) -> None:
        """Some servers repeat the name, some send it in pieces, and some send all pieces so far each time."""
        self.added = ""
        if piece and not self.begun and piece != self.name:
            self.added = piece.removeprefix(self.name)
            self.name += self.added
            if len(self.name) > NAME_LENGTH_MAX:
                malformed("The answer contains a call whose name is too long.")


class CallReader:
    """Reads the calls of one choice."""

    def __init__(self, choice: int, keys: Iterator[int]) -> None:
        self._choice = choice
        self._keys = keys
        self._current: Call | None = None
        self._calls: list[Call] = []
        self._slots: dict[int, Call] = {}
        self._ids: set[str] = set()
        self._indices: set[int] = set()

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def current(self) -> Call:
        """The call that the last delta belonged to."""
        assert self._current is not None, "no delta has been read"
        return self._current

    @property
    def nameless(self) -> bool:
        """Whether a call has no name yet."""
        return any(call.key is None for call in self._calls)

    @property
    def keys(self) -> tuple[int, ...]:
        return tuple(call.key for call in self._calls if call.key is not None)

    def ignores(self, entry: dict[str, Any], seen: set[int | str]) -> bool:
        """Whether this entry is empty: it has no id, name and arguments, and belongs to no call."""
        return not (_id(entry) or name_of(entry) or arguments_of(entry)) and self._find(entry, seen) is None

    def begins(self, entry: dict[str, Any], seen: set[int | str]) -> bool:
        """Whether this delta starts a call, in which case everything before the call must be emitted first."""
        call = self._find(entry, seen)
        return (call is None or call.key is None) and bool(name_of(entry))

    def take(self, entry: dict[str, Any], seen: set[int | str], seed: str) -> Iterator[AnswerEvent]:
        """Read one delta of a call. `seen` are the indices and ids that occurred earlier in the same list.

        `seed` determines the ids of calls that have none: always the same for one answer, different for different answers.
        """
        call = self._find(entry, seen)
        index = _index(entry)
        if call is None:
            call = self._add_call(entry)
        if self._current is not None and call is not self._current:
            yield from self._begin(self._current)
        if index is not None:
            self._slots[index] = call
            seen.add(index)
        seen.add(_id(entry))
        self._current = call
        yield from self._append(call, entry, seed)

    def complete(self) -> list[dict[str, Any]]:
        """Deltas that give empty objects to the functions' calls without arguments, once: an empty text is not JSON."""
        empty = [call for call in self._calls if call.empty and call.kind == "function"]
        for call in empty:
            call.empty = False
        return [{"index": call.index, "function": {"arguments": "{}"}} for call in empty]

    def done(self) -> Iterator[AnswerEvent]:
        for call in self._calls:
            if call.key is None:
                malformed("The answer contains a call without a name.")
            yield from self._begin(call)
            yield CallDone(call.key)

    def _find(self, entry: dict[str, Any], seen: set[int | str]) -> Call | None:
        """The call that the delta belongs to, or None if it starts another one."""
        index, upstream_id, name = _index(entry), _id(entry), name_of(entry)
        if index is not None:
            call, listed = self._slots.get(index), index in seen
        elif upstream_id:
            call = next((call for call in reversed(self._calls) if call.upstream_id == upstream_id), None)
            listed = upstream_id in seen
            if call is None and not name:
                call = self._last()
        else:
            call, listed = self._last(), bool(seen)
        if call is None or not name:
            return call
        return None if listed or _is_another(call, entry, has_place=bool(index is not None or upstream_id)) else call

    def _last(self) -> Call | None:
        return self._calls[-1] if self._calls else None

    def _add_call(self, entry: dict[str, Any]) -> Call:
        if len(self._calls) >= CALLS_MAX:
            malformed("The answer contains too many calls.")
        index = _index(entry)
        if index is None or index in self._indices:
            index = max(self._indices, default=-1) + 1
        call = Call(index)
        self._indices.add(index)
        self._calls.append(call)
        return call

    def _own(self, upstream_id: str) -> str:
        """The id, or "" if an earlier call has it."""
        if upstream_id in self._ids:
            return ""
        self._ids.add(upstream_id)
        return upstream_id

    def _append(self, call: Call, entry: dict[str, Any], seed: str) -> Iterator[AnswerEvent]:
        name, text = name_of(entry), arguments_of(entry)
        call.empty = call.empty and not text
        if not call.upstream_id:
            call.upstream_id = _id(entry)
            call.id = call.id or self._own(call.upstream_id)
        call.add_name(name)
        if call.key is None and name:
            call.key = next(self._keys)
            call.kind = "custom" if _is_custom(entry) else "function"
            call.id = call.id or _made_id(seed, call.key)
        call.arguments.add(text)
        if call.begun:
            if text:
                yield CallDelta(call.key or 0, text)
            return
        call.waiting += text
        if len(call.waiting) > WAITING_LENGTH_MAX and call.key is None:
            malformed("The answer contains a call without a name.")
        if call.waiting:
            yield from self._begin(call)

    def _begin(self, call: Call) -> Iterator[AnswerEvent]:
        """Begin the call if its name is known."""
        if call.key is None or call.begun:
            return
        call.begun = True
        yield CallBegun(call.key, call.id, call.name, call.kind, self._choice)
        if call.waiting:
            yield CallDelta(call.key, call.waiting)
            call.waiting = ""


def _is_another(call: Call, entry: dict[str, Any], *, has_place: bool) -> bool:
    """Whether an entry with a name starts another call than `call`, which it would belong to. `has_place`: by its index or id."""
    text, progress = arguments_of(entry).strip(), call.arguments
    if progress.open and name_of(entry) == call.name and text and not text.startswith("{"):
        return False
    upstream_id = _id(entry)
    if not has_place or (upstream_id and call.upstream_id and upstream_id != call.upstream_id):
        return True
    return progress.complete and bool(text or name_of(entry) != call.name)


def _made_id(seed: str, key: int) -> str:
    return "call_" + hashlib.blake2s(f"{seed}:{key}".encode(), digest_size=12).hexdigest()


def _index(entry: dict[str, Any]) -> int | None:
    index = entry.get("index")
    if index is None:
        return None
    found = place(index)
    if found is None:
        malformed("The answer contains a call with an invalid index.")
    return found


def _id(entry: dict[str, Any]) -> str:
    value = entry.get("id")
    return _text(str(value) if type(value) is int else value)[:ID_LENGTH_MAX]


def name_of(entry: dict[str, Any]) -> str:
    return _text(_inner(entry).get("name"))


def arguments_of(entry: dict[str, Any]) -> str:
    """The arguments as JSON text; some upstreams send the object itself, or an empty list for none."""
    value = _inner(entry).get("input" if _is_custom(entry) else "arguments")
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else _text(value)


def _is_custom(entry: dict[str, Any]) -> bool:
    return entry.get("custom") is not None


def _inner(entry: dict[str, Any]) -> dict[str, Any]:
    value = entry.get("custom") if _is_custom(entry) else entry.get("function")
    if value is None:
        return {}
    if not isinstance(value, dict):
        malformed("The answer contains a call that is not an object.")
    return value


def _text(value: Any) -> str:
    if not value:
        return ""
    if not isinstance(value, str):
        malformed("The answer contains a call with members of the wrong type.")
    return value
