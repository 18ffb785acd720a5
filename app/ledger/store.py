"""The event store: one contract, two engines (sqlite.py, postgres.py).

Rule 1: positions are 1..n without gaps, in commit order: a reader that has read up to n has missed nothing and never will.
Rule 2: an append is one batch under the engine's write lock, and each command in it gets its own verdict.
Rule 3: the same command twice is `Committed` twice, at one position. So a caller that does not know the outcome retries.
Rule 4: the store stamps each batch with an instant, and instants never decrease; buckets move in the same transaction.
Rule 5: events are only inserted and read. The database itself refuses to change or delete one.
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
"""Beyond this, latency grows and throughput falls."""
STREAM_LENGTH_MAX = 200
WINDOWS_KEPT_DAYS = 2
"""Minute windows older than this are deleted; no request lives that long."""


class StoreUnavailable(Fault):
    """The store is unreachable, locked or full. The outcome is unknown: retry with the same command id."""


class StoreBusy(StoreUnavailable):
    """Too many commands are waiting for the store."""


class SchemaMismatch(Fault):
    """The database has a different schema than this version needs; `realrouter migrate` updates an older one."""


class CommandFailed(Fault):
    """The store can never accept this command: the database refuses one of its values."""


class Append(msgspec.Struct, frozen=True, gc=False):
    """Append `events` to `stream` after version `expected_version`, if all guards hold.

    `first`: for settlements, which are decided before the other commands of their batch, so that the amounts they release are
    available.
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
    """The events are in the log; the first of them has position `position`.

    `repeated`: an earlier attempt of the same command had already appended them. `guarded`: the value of each guard's bucket after
    the command, in the order of the guards; empty if repeated.
    """

    position: int
    recorded_at_micros: int
    repeated: bool = False
    guarded: tuple[int, ...] = ()


class Conflict(msgspec.Struct, frozen=True, gc=False):
    """Another command (`command_id`) has taken this place in the stream, or the stream is shorter than expected (None)."""

    stream: str
    version: int
    command_id: str | None


class GuardRefused(msgspec.Struct, frozen=True, gc=False):
    """A guard failed: its bucket was at `value`, and the command would have moved it by `delta`. `guarded`: the value of each
    guard's bucket before the command, in the order of the guards."""

    bucket: str
    value: int
    delta: int
    at_micros: int
    guarded: tuple[int, ...] = ()


class Failed(msgspec.Struct, frozen=True, gc=False):
    """The database refuses this command's data; the rest of its batch is not affected."""

    message: str


Verdict = Committed | Conflict | GuardRefused | Failed


@dataclass(frozen=True)
class RecordedEvent(Notification):
    """A stored event with its position (`id`), the command that appended it, and the instant of its batch."""

    command_id: str
    recorded_at_micros: int


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the log: its last position (0 if it is empty) and that batch's instant."""

    position: int
    recorded_at_micros: int


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """An admission without a settlement, and its position in the log."""

    request_id: str
    position: int
    instance_id: str
    deadline_at_micros: int


class LogReader(Protocol):
    """Reads the log in order."""

    def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
        """Up to `limit` events after position `after`, in order."""
        ...

    def head(self) -> Head: ...

    def buckets(self) -> Iterator[tuple[str, int]]:
        """Every bucket that was ever moved and has not been pruned, ordered by name."""
        ...

    def open_requests(self) -> Sequence[OpenRequest]: ...


class Tables(Protocol):
    """The ordinary tables next to the events: people, sessions, payment bookkeeping. SQL for both engines; `?` is a parameter.

    No fact about money is only here: everything that these tables lose can be obtained again, from the person or the payment
    vendor.
    """

    def select(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[tuple[Any, ...]]:
        """All rows of one statement. Raises StoreUnavailable."""
        ...

    def change(self, *statements: tuple[str, Sequence[Any]]) -> int:
        """Run the statements in one durable transaction; return how many rows they changed in total. Raises StoreUnavailable."""
        ...

    def now_micros(self) -> int:
        """The store's clock."""
        ...


class Ledger(LogReader, Tables, Protocol):
    """The store as the gateway uses it."""

    def append(self, batch: Sequence[Append]) -> list[Verdict]:
        """A verdict per command, in order. Raises StoreUnavailable if the outcome of all of them is unknown."""
        ...

    def read_keys(self, after: int, limit: int) -> Sequence[RecordedEvent]:
        """Like `read`, but only events of key topics, through a separate index."""
        ...

    def stream(self, name: str) -> Sequence[RecordedEvent]:
        """All events of a stream, in order."""
        ...

    def bucket_values(self, names: Sequence[str]) -> dict[str, int]:
        """The values of the named buckets at one instant; zero for one that was never moved."""
        ...

    def bucket_values_at_head(self, names: Sequence[str]) -> tuple[Head, dict[str, int]]:
        """The same, with the end of the log at that instant: the values include exactly the events up to it."""
        ...

    def estimated_now_micros(self) -> int:
        """The store's clock, as this process knows it (app/ledger/clock.py). Never blocks."""
        ...

    def renew_lease(self, instance_id: str, seconds: float) -> None:
        """Extend this instance's lease to `seconds` from now, by the store's clock. A lease is never shortened, and never renewed
        once ended. On PostgreSQL this uses a separate connection."""
        ...

    def end_lease(self, instance_id: str) -> None: ...

    def orphans(self, *, margin_seconds: float, grace_seconds: float, limit: int) -> Sequence[OpenRequest]:
        """Open requests whose instance's lease expired `margin_seconds` ago, or whose deadline passed `grace_seconds` ago."""
        ...

    def prune(self, *, minutes_before: str) -> int:
        """Delete minute windows older than the minute `minutes_before`, and ended instances. Returns how many rows."""
        ...

    def snapshot(self) -> AbstractContextManager[LogReader]:
        """A reader that sees one consistent snapshot."""
        ...

    def migrate(self) -> int:
        """Update the schema to this version; safe from several processes at once. Returns the version."""
        ...

    def check_schema(self) -> None:
        """Raises SchemaMismatch, StoreUnavailable."""
        ...

    def close(self) -> None: ...
