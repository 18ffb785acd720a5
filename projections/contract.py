"""The parts of read models, and their interface to an engine.

Rule 1: a projection is a pure function of facts and of existing rows. It knows no engine and no clock.
Rule 2: a batch is one transaction: rows and positions move together or not at all.
Rule 3: only the process that holds a position moves it, from exactly where it was. Events are never skipped or applied twice.
Rule 4: an event that cannot be decoded stops the projections that it concerns. Unknown topics are counted.
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
"""Reads the rows of a table with these keys, as they were before the batch."""


class Unavailable(Fault):
    """The log or the views are unreachable or locked. Nothing was applied; retry."""


class TakenOver(Fault):
    """The views are no longer the ones that this process writes: another version or another rebuild has replaced them."""


class Undecodable(msgspec.Struct, frozen=True, gc=False):
    """Replaces an event with a known topic whose state cannot be decoded."""

    topic: str
    problem: str


class Fact(NamedTuple):
    """An event, with the position and instant at which it was recorded."""

    position: int
    recorded_at_micros: int
    event: Event | UnknownEvent | Undecodable


@dataclass(frozen=True, slots=True)
class LogHead:
    position: int
    recorded_at_micros: int


@dataclass(frozen=True, slots=True)
class Tracked:
    """A projection's progress: it includes all events up to `position`. `error`: why it stopped there."""

    position: int
    recorded_at_micros: int
    error: str | None = None


class Projection(Protocol):
    """A read model. `version` is increased with every change of `apply`, which causes a rebuild."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def tables(self) -> tuple[Table, ...]: ...

    @property
    def families(self) -> frozenset[str] | None:
        """The topics that it reads, without their versions; None: all."""
        ...

    def apply(self, facts: Sequence[Fact], read: Read) -> list[Change]: ...


class Log(Protocol):
    """The log, decoded. Raises Unavailable."""

    def read(self, after: int, limit: int) -> Sequence[Fact]: ...

    def head(self) -> LogHead: ...

    def now_micros(self) -> int:
        """The current time by the log's clock."""
        ...

    def identity(self) -> str:
        """A unique name of the log; "" while it is empty."""
        ...


class Batch(Protocol):
    """A transaction over the views, which only this process may advance."""

    @property
    def tracked(self) -> Mapping[str, Tracked]: ...

    def read(self, table: Table, keys: Collection[Key]) -> Mapping[Key, Row]: ...

    def write(self, change: Change) -> None: ...

    def advance(self, name: str, tracked: Tracked) -> None:
        """Advance a projection, or record its error, from exactly the position in `tracked`."""
        ...

    def identify(self, identity: str) -> None:
        """Record that these views belong to the log with this name."""
        ...


class Views(Protocol):
    """The storage of the rows. Raises Unavailable."""

    def prepare(self, projections: Sequence[Projection], identity: str) -> None:
        """Create the tables, or recreate them if they have other definitions or belong to another log."""
        ...

    def tracked(self) -> Mapping[str, Tracked]: ...

    def batch(self, names: Sequence[str], rebuild: str | None = None) -> AbstractContextManager[Batch | None]:
        """A transaction, committed at the end and rolled back on any error, or None while another process holds one."""
        ...

    def begin_rebuild(self, projections: Sequence[Projection]) -> str:
        """Create empty tables next to the live ones, at position 0; drop an earlier rebuild's tables. Returns the new name."""
        ...

    def finish_rebuild(self, projections: Sequence[Projection], rebuild: str, head: int) -> bool:
        """Replace the live tables by the new ones. Returns False while the new tables lag behind the live ones, or behind the log's
        `head` if the live tables belong to a longer log."""
        ...
