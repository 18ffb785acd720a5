"""What read models are made of, and what they need from an engine.

Rule 1: a projection is a pure function of facts and of rows that stood before; it knows no engine and no clock.
Rule 2: a batch is one transaction: rows and positions move together or not at all.
Rule 3: a position is moved by whoever holds it, from exactly where it stood: never skipped, never applied twice.
Rule 4: an event that cannot be decoded stops the projections that it concerns; an unknown topic is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec

from domain.errors import Fault
from domain.events import Event, UnknownEvent
from projections.tables import Change, Key, Row, Table

Read = Callable[[Table, Collection[Key]], Mapping[Key, Row]]
"""The rows of a table that have one of these keys, as they stood before the batch."""


class Unavailable(Fault):
    """The log or the views are out of reach or locked. Nothing was applied: try again."""


class TakenOver(Fault):
    """The views are no longer those that this process set out to write: another version or another rebuild has them."""


class Undecodable(msgspec.Struct, frozen=True, gc=False):
    """Stands for an event of a known topic whose state cannot be read."""

    topic: str
    problem: str


class Fact(NamedTuple):
    """An event where and when it was recorded."""

    position: int
    recorded_at_micros: int
    event: Event | UnknownEvent | Undecodable


@dataclass(frozen=True, slots=True)
class LogHead:
    position: int
    recorded_at_micros: int


@dataclass(frozen=True, slots=True)
class Tracked:
    """Where a projection stands: all events up to `position` are in it; `error` says why it went no further."""

    position: int
    recorded_at_micros: int
    error: str | None = None


class Projection(Protocol):
    """One read model. `version` is raised with every change of what `apply` does, and makes it be rebuilt."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def tables(self) -> tuple[Table, ...]: ...

    @property
    def families(self) -> frozenset[str] | None:
        """Topics, without their versions, that it reads; None where any event may concern it."""
        ...

    def apply(self, facts: Sequence[Fact], read: Read) -> list[Change]: ...


class Log(Protocol):
    """The log, decoded. Raises Unavailable."""

    def read(self, after: int, limit: int) -> Sequence[Fact]: ...

    def head(self) -> LogHead: ...

    def now_micros(self) -> int:
        """The log's clock."""
        ...

    def identity(self) -> str:
        """A name that no other log has; empty while the log is."""
        ...


class Batch(Protocol):
    """A transaction over the views, which this process alone may move."""

    @property
    def tracked(self) -> Mapping[str, Tracked]: ...

    def read(self, table: Table, keys: Collection[Key]) -> Mapping[Key, Row]: ...

    def write(self, change: Change) -> None: ...

    def advance(self, name: str, tracked: Tracked) -> None:
        """Move a projection on (or note its error), from exactly where `tracked` said it stood."""
        ...

    def identify(self, identity: str) -> None:
        """These views are of the log of this name."""
        ...


class Views(Protocol):
    """Where rows live. Raises Unavailable."""

    def prepare(self, projections: Sequence[Projection], identity: str) -> None:
        """Make the tables, or make them anew where they are of other definitions or of another log."""
        ...

    def tracked(self) -> Mapping[str, Tracked]: ...

    def batch(self, names: Sequence[str], rebuild: str | None = None) -> AbstractContextManager[Batch | None]:
        """A transaction, committed at the end and rolled back on any error; None while another process holds one."""
        ...

    def begin_rebuild(self, projections: Sequence[Projection]) -> str:
        """Empty tables beside the live ones, at position 0; what an earlier rebuild left is gone. Its name."""
        ...

    def finish_rebuild(self, projections: Sequence[Projection], rebuild: str, head: int) -> bool:
        """Put the new tables in the place of the live ones; False while they stand behind them (or behind the log's `head`,
        where the live ones are of a log that was longer)."""
        ...
