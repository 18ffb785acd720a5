"""The event store: one contract, two engines (sqlite.py, postgres.py).

Rule 1: positions are 1..n without a gap, in the order of commits: whoever reads up to n has seen all that will ever be there.
Rule 2: an append is one batch under the engine's write lock, and each command in it gets a verdict of its own.
Rule 3: the same command twice is `Committed` twice, at one position. So whoever does not know the outcome asks again.
Rule 4: the store stamps the instant, per batch, never going back; buckets move in the same transaction.
Rule 5: events are inserted and read. The database itself refuses to change or delete one.
Engines block: they are called from worker threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from eventsourcing.persistence import Notification

from domain.buckets import Guard
from domain.errors import Fault
from domain.events import Event

BATCH_MAX = 500
"""Past this, latency grows and throughput falls."""
STREAM_LENGTH_MAX = 200
WINDOWS_KEPT_DAYS = 2
"""Minute windows older than this are forgotten; no request lives so long."""


class StoreUnavailable(Fault):
    """The store is out of reach, locked, or full. Nothing is known to be lost: ask again with the same command id."""


class StoreBusy(StoreUnavailable):
    """Too many commands wait for the store already."""


class SchemaMismatch(Fault):
    """The database is not of this version's schema. `realrouter migrate` brings it there."""


class CommandFailed(Fault):
    """The store cannot take this command, ever: a value that the database refuses."""


class Append(msgspec.Struct, frozen=True, gc=False):
    """Append `events` to `stream` after version `expected_version`, if no guard objects.

    `first`: settlements are judged before everything else in their batch, so that what they give back is there.
    """

    command_id: str
    stream: str
    expected_version: int
    events: tuple[Event, ...]
    guards: tuple[Guard, ...] = ()
    first: bool = False

    def __post_init__(self) -> None:
        assert self.events, "a decision that changes nothing is not appended"
        assert self.expected_version >= 0


class Committed(msgspec.Struct, frozen=True, gc=False):
    """The events are in the log, the first of them at `position`. `repeated`: they were there before.

    `guarded`: the value of each guard's bucket after the command, in the order of the guards; empty for a repeated one.
    """

    position: int
    recorded_at_micros: int
    repeated: bool = False
    guarded: tuple[int, ...] = ()


class Conflict(msgspec.Struct, frozen=True, gc=False):
    """Another command stands at this place of the stream (`command_id`), or the stream is shorter than expected (None)."""

    stream: str
    version: int
    command_id: str | None


class GuardRefused(msgspec.Struct, frozen=True, gc=False):
    """A guard objected: its bucket stood at `value`, and the command would have moved it by `delta`. `guarded`: as each guard's
    bucket stood, in their order."""

    bucket: str
    value: int
    delta: int
    at_micros: int
    guarded: tuple[int, ...] = ()


class Failed(msgspec.Struct, frozen=True, gc=False):
    """The database refuses this command's data; the others of its batch are not touched."""

    message: str


Verdict = Committed | Conflict | GuardRefused | Failed


@dataclass(frozen=True)
class RecordedEvent(Notification):
    """A stored event with its position (`id`), the command that put it there, and the instant of its batch."""

    command_id: str
    recorded_at_micros: int


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the log: its last position (0 where it is empty) and that batch's instant."""

    position: int
    recorded_at_micros: int


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """An admission without its settlement, and where it stands in the log."""

    request_id: str
    position: int
    instance_id: str
    deadline_at_micros: int


class LogReader(Protocol):
    """Ordered reading."""

    def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
        """Up to `limit` events past position `after`, in order."""
        ...

    def head(self) -> Head: ...

    def buckets(self) -> Iterator[tuple[str, int]]:
        """Every bucket that was ever moved and is not pruned, by name."""
        ...

    def open_requests(self) -> Sequence[OpenRequest]: ...


class Tables(Protocol):
    """The ordinary tables beside the events: people, sessions, what payments need. SQL of both engines, with `?` for a parameter.

    Nothing here is a fact about money: what these tables lose can be asked for again, from the person or from the vendor.
    """

    def select(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[tuple[Any, ...]]:
        """All rows of one statement. Raises StoreUnavailable."""
        ...

    def change(self, *statements: tuple[str, Sequence[Any]]) -> int:
        """Runs the statements in one durable transaction; returns how many rows they changed together. Raises StoreUnavailable."""
        ...

    def now_micros(self) -> int:
        """The store's clock."""
        ...


class Ledger(LogReader, Tables, Protocol):
    """The store as the gateway uses it."""

    def append(self, batch: Sequence[Append]) -> list[Verdict]:
        """A verdict per command, in their order. Raises StoreUnavailable; then nothing is known of any of them."""
        ...

    def read_keys(self, after: int, limit: int) -> Sequence[RecordedEvent]:
        """As `read`, but only events of key topics, by an index of their own."""
        ...

    def stream(self, name: str) -> Sequence[RecordedEvent]:
        """All events of a stream, in order."""
        ...

    def bucket_values(self, names: Sequence[str]) -> dict[str, int]:
        """The named buckets; zero where one was never moved."""
        ...

    def estimated_now_micros(self) -> int:
        """The store's clock, as this process knows it (app/ledger/clock.py). Never blocks."""
        ...

    def renew_lease(self, instance_id: str, seconds: float) -> None:
        """This instance lives for `seconds` more, by the store's clock. A lease never goes back, and one that was ended
        stays so. Has a connection of its own where the engine has connections."""
        ...

    def end_lease(self, instance_id: str) -> None: ...

    def orphans(self, *, margin_seconds: float, grace_seconds: float, limit: int) -> Sequence[OpenRequest]:
        """Open requests whose instance's lease is over for `margin_seconds`, or whose deadline for `grace_seconds`."""
        ...

    def prune(self, *, minutes_before: str) -> int:
        """Forget minute windows older than the minute `minutes_before`, and instances that are gone. Returns how many."""
        ...

    def snapshot(self) -> AbstractContextManager[LogReader]:
        """A reader that sees one instant throughout."""
        ...

    def migrate(self) -> int:
        """Bring the schema to this version, safely from several processes at once. Returns the version."""
        ...

    def check_schema(self) -> None:
        """Raises SchemaMismatch, StoreUnavailable."""
        ...

    def close(self) -> None: ...
