"""Compares the read models with the events, each at its own position.

Rule 1: both sides are hashed per owner while they are read, so memory grows with owners, not with rows.
Rule 2: if an owner's hashes differ, the events are read again in the same snapshot, and both sides are compared row by row until
enough differences are found.
Rule 3: a value of another type is a difference, not an error: SQLite accepts any type in any column.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from app.read_models.snapshot import ViewsSnapshot
from app.replay.derive import DERIVATIONS, Derivation
from app.replay.findings import Findings
from domain.buckets import Movement
from domain.events import Event, UnknownEvent
from projections.contract import Tracked
from projections.tables import Row, Table

OWNERS_NAMED = 5
"""The differing rows are found for at most this many owners. Each owner takes a pass over the events."""
ROWS_NAMED = 3
Step = tuple[int, int, Event | UnknownEvent, Sequence[Movement]]
"""(position, recorded at, event, movements)"""
_KINDS: dict[type, int] = {int: 1, float: 1, str: 2, bytes: 3}
"""SQLite's sort order of types; NULL comes first."""
_encode = msgspec.msgpack.Encoder().encode
"""Not JSON, in which the bytes b"ab" and their base64 would be the same text."""


class _Hash:
    """The hash of an owner's rows, in order."""

    __slots__ = ("_hash",)

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, row: Row) -> None:
        try:
            self._hash.update(_encode(row))
        except OverflowError:
            # The number is too large for any column, so it is only in an event and differs from any stored value.
            self._hash.update(repr(row).encode())

    def digest(self) -> bytes:
        return self._hash.digest()


class ViewsCheck:
    """Takes every event in order, then compares with the tables of a snapshot."""

    def __init__(self, findings: Findings, tracked: Mapping[str, Tracked]) -> None:
        self._findings = findings
        self._tracked = tracked
        self._sides = {
            name: (tracked[name].position, DERIVATIONS[name][0]()) for name in DERIVATIONS if name in tracked
        }
        self._hashes: dict[str, dict[Any, _Hash]] = {
            table.name: {} for name in self._sides for table in DERIVATIONS[name][1]
        }
        self._concerned: dict[type, list[tuple[int, Derivation]]] = {}
        self._stands: dict[int, int | None] = dict.fromkeys(until for until, _ in self._sides.values())
        """position of a projection -> the instant of the event there, once it has been seen"""
        self._seen = 0

    def feed(self, step: Step) -> None:
        self._seen = position = step[0]
        if position in self._stands:
            self._stands[position] = step[1]
        concerned = self._concerned.get(type(step[2]))
        if concerned is None:
            concerned = self._concerned[type(step[2])] = _concerned(self._sides.values(), type(step[2]))
        for until, derivation in concerned:
            if position <= until:
                try:
                    for table, row in derivation.feed(*step):
                        self._add(table, row)
                except KeyError as error:
                    self._findings.differ(
                        "event",
                        f"event {position}",
                        "an event after the one it refers to",
                        f"no earlier event for {error}",
                    )

    def compare(self, snapshot: ViewsSnapshot, again: Callable[[], Iterator[Step]]) -> None:
        """`again` reads all events again."""
        for name in DERIVATIONS:
            if name not in self._sides:
                self._findings.differ("projection", name, "a position", "none")
        for name, (until, derivation) in self._sides.items():
            if until > self._seen:
                self._findings.differ("projection", name, f"a position up to {self._seen}", until)
                continue
            if (instant := self._stands[until]) is not None:
                found = self._tracked[name].recorded_at_micros
                self._findings.compare("instant of the projection", name, instant, found)
            for table, row in derivation.finish():
                self._add(table, row)
            for table in DERIVATIONS[name][1]:
                self._compare_table(name, table, snapshot, again)

    def _add(self, table: Table, row: Row) -> None:
        hashes, owner = self._hashes[table.name], _owner(table, row)
        if owner not in hashes:
            hashes[owner] = _Hash()
        hashes[owner].add(row)

    def _compare_table(
        self, name: str, table: Table, snapshot: ViewsSnapshot, again: Callable[[], Iterator[Step]]
    ) -> None:
        expected = self._hashes[table.name]
        wrong: list[Any] = []
        for owner, rows in itertools.groupby(snapshot.rows(table), lambda row: _owner(table, row)):
            found = _Hash()
            for row in rows:
                found.add(row)
            there = expected.pop(owner, None)
            if there is None or there.digest() != found.digest():
                wrong.append(owner)
        wrong.extend(expected)
        for owner in wrong[:OWNERS_NAMED]:
            derived = _derive(DERIVATIONS[name][0](), self._sides[name][0], again())
            rows_of_owner = (row for at, row in derived if at is table and _owner(table, row) == owner)
            if not self._name_rows(table, rows_of_owner, snapshot.rows(table, owner)):
                self._findings.differ(f"rows of {table.name}", owner, "those of its events", "others")
        for owner in wrong[OWNERS_NAMED:]:
            self._findings.differ(f"rows of {table.name}", owner, "those of its events", "others")

    def _name_rows(self, table: Table, expected: Iterator[Row], found: Iterator[Row]) -> int:
        """Report the first rows in which two streams in key order differ. Returns how many were reported."""
        named = 0
        for where, left, right in _merged(table, expected, found):
            if left != right and named < ROWS_NAMED:
                named += 1
                self._findings.differ(f"row of {table.name}", where, *_differing(table, left, right))
        return named


def _concerned(sides: Iterable[tuple[int, Derivation]], event: type) -> list[tuple[int, Derivation]]:
    return [side for side in sides if side[1].events is None or event in side[1].events]


def _derive(derivation: Derivation, until: int, steps: Iterator[Step]) -> Iterator[tuple[Table, Row]]:
    for step in steps:
        if step[0] > until:
            break
        with suppress(KeyError):  # already reported by `feed`
            yield from derivation.feed(*step)
    yield from derivation.finish()


def _merged(
    table: Table, expected: Iterator[Row], found: Iterator[Row]
) -> Iterator[tuple[Row, Row | None, Row | None]]:
    """(key, expected row or None, found row or None)"""
    left, right = next(expected, None), next(found, None)
    while left is not None or right is not None:
        key = min((row[: table.key] for row in (left, right) if row is not None), key=_order)
        here = left if left is not None and left[: table.key] == key else None
        there = right if right is not None and right[: table.key] == key else None
        yield key, here, there
        left = next(expected, None) if here is not None else left
        right = next(found, None) if there is not None else right


def _order(key: Row) -> tuple[tuple[int, Any], ...]:
    return tuple((_KINDS.get(type(value), 0), 0 if value is None else value) for value in key)


def _differing(table: Table, left: Row | None, right: Row | None) -> tuple[str, str]:
    """The columns that differ, or the whole row if the other one is missing."""
    if left is None or right is None:
        return ("none" if left is None else str(left)), ("missing" if right is None else str(right))
    pairs = [(name, a, b) for name, a, b in zip(table.names, left, right, strict=True) if a != b]
    return ", ".join(f"{name}={a!r}" for name, a, _ in pairs), ", ".join(f"{name}={b!r}" for name, _, b in pairs)


def _owner(table: Table, row: Row) -> Any:
    """The first column of the key. A table with an instant as key has a single owner, None."""
    return row[0] if table.columns[0].kind == "text" else None
