"""`ledger copy`: copies a whole SQLite ledger into an empty PostgreSQL one, and verifies it.

Rule 1: all or nothing. The target is filled in one transaction, which commits after verification; an interrupted copy leaves the
target empty, and can be started again.
Rule 2: an event keeps its position, command, instant and bytes: every proof about the old log is valid for the new one.
Rule 3: the source is read in one snapshot, and the target is read back: both must give the same counts and the same digest over
all rows. Memory does not grow with the log.
Rule 4: a source that a server is writing to is refused, unless the caller allows it: commits after the snapshot would be lost.
A source that has grown during the copy is always refused.
Rule 5: people and payment bookkeeping are copied. Leases, sessions, sign-in links and throttles are not, so people must sign in
again. Tiles and checkpoints are not copied: they are sealed again from the same events, and must match the checkpoint kept outside
the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass

import msgspec
import psycopg
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier

from app.ledger.postgres import PostgresLedger
from app.ledger.queries import LogQueries, Row
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import Head, StoreUnavailable
from domain.errors import Fault

EVENTS_PER_PAGE = 2_000
ROWS_PER_PAGE = 200
"""For the tables next to the events, whose rows may hold a whole webhook."""
Progress = Callable[[int, int], None]
"""(events copied, events in total), after each page"""


class CopyRefused(Fault):
    """The source or the target is not in a state to be copied; nothing was changed."""


class CopyMismatch(Fault):
    """The target's rows differ from those read; nothing was changed."""


@dataclass(frozen=True, slots=True)
class CopyReport:
    """Counts of the rows copied. `sha256` is the digest of all rows, equal on both sides; `payment_rows` counts three tables."""

    events: int
    buckets: int
    open_requests: int
    position: int
    sha256: str
    people: int = 0
    payment_rows: int = 0


@dataclass(frozen=True, slots=True)
class _Table:
    """A table: its columns with their types, and the column that orders its rows."""

    name: str
    types: dict[str, str]
    key: str


_EVENTS = _Table(
    "stored_events",
    {
        "notification_id": "int8",
        "originator_id": "text",
        "originator_version": "int8",
        "topic": "text",
        "state": "bytea",
        "command_id": "text",
        "recorded_at_micros": "int8",
    },
    "notification_id",
)
_BUCKETS = _Table("buckets", {"name": "text", "value": "int8"}, "name")
_OPEN_REQUESTS = _Table(
    "open_requests",
    {"request_id": "text", "position": "int8", "instance_id": "text", "deadline_at_micros": "int8"},
    "position",
)
_PEOPLE = _Table(
    "people",
    {
        "account_id": "text",
        "email": "text",
        "password_hash": "text",
        "label": "text",
        "asked": "int8",
        "created_at_micros": "int8",
    },
    "account_id",
)
_PAYMENTS = (
    _Table(
        "payment_inbox",
        {
            "event_id": "text",
            "type": "text",
            "payload": "bytea",
            "received_at_micros": "int8",
            "next_at_micros": "int8",
            "attempts": "int8",
            "processed_at_micros": "int8",
            "outcome": "text",
        },
        "event_id",
    ),
    _Table(
        "checkout_sessions",
        {"checkout_id": "text", "session_id": "text", "created_at_micros": "int8"},
        "checkout_id",
    ),
    _Table(
        "automatic_top_ups",
        {
            "account_id": "text",
            "enabled": "int8",
            "pack_id": "text",
            "threshold_nanos": "int8",
            "ceiling_nanos_per_month": "int8",
            "customer_id": "text",
            "payment_method_id": "text",
            "crossings": "int8",
            "state": "text",
            "problem": "text",
        },
        "account_id",
    ),
)
_OTHER_TABLES = (_PEOPLE, *_PAYMENTS)
"""The copied tables other than the ledger's own."""
_TABLES = (_EVENTS, _BUCKETS, _OPEN_REQUESTS, *_OTHER_TABLES)


class _Digest:
    """A running SHA-256 over rows, each in one unambiguous encoding."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._encode = msgspec.msgpack.Encoder().encode
        self.counts = dict.fromkeys((table.name for table in _TABLES), 0)

    def through(self, table: _Table, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the same rows, counting and digesting them."""
        self._hash.update(table.name.encode())
        for row in rows:
            self._hash.update(self._encode(row))
            self.counts[table.name] += 1
            yield row

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def copy(
    source: SQLiteLedger, target: PostgresLedger, progress: Progress, *, though_running: bool = False
) -> CopyReport:
    """Copy and verify. Raises CopyRefused, CopyMismatch, SchemaMismatch, StoreUnavailable; then the target is unchanged."""
    source.check_schema()
    target.check_schema()
    if (running := source.live_instances()) and not though_running:
        raise CopyRefused(f"A server is running on the source (instance {running[0]}): stop it, then copy again.")
    try:
        with psycopg.connect(target.url, row_factory=tuple_row) as connection, source.snapshot() as snapshot:
            report = _fill_and_verify(snapshot, connection, progress)
            if source.head().position != report.position:
                raise CopyRefused(
                    "The source has grown since the copy began: stop whatever writes to it, then copy again."
                )
    except psycopg.DataError as error:
        raise CopyRefused(f"PostgreSQL does not accept a row of the source: {error}") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise StoreUnavailable(str(error)) from error
    return report


def _fill_and_verify(snapshot: LogQueries, connection: psycopg.Connection[Row], progress: Progress) -> CopyReport:
    """Runs in the connection's transaction, which the caller commits."""
    connection.execute("SET LOCAL statement_timeout = 0")
    _require_empty(connection)
    head = snapshot.head()
    read, stored = _Digest(), _Digest()
    _fill(connection, _EVENTS, read.through(_EVENTS, _events(snapshot, head.position, progress)))
    _fill(connection, _BUCKETS, read.through(_BUCKETS, snapshot.buckets()))
    open_requests = [astuple(request) for request in snapshot.open_requests()]
    _fill(connection, _OPEN_REQUESTS, read.through(_OPEN_REQUESTS, open_requests))
    for table in _OTHER_TABLES:
        _fill(connection, table, read.through(table, _rows(snapshot, table)))
    connection.execute("UPDATE log_head SET position = %s, recorded_at_micros = %s", astuple(head))
    for table in _TABLES:
        for _ in stored.through(table, _stored(connection, table)):
            pass
    _compare(head, _head(connection), read, stored)
    events, buckets, requests, people, *payments = (read.counts[table.name] for table in _TABLES)
    return CopyReport(events, buckets, requests, head.position, read.hexdigest(), people, sum(payments))


def _require_empty(connection: psycopg.Connection[Row]) -> None:
    """Lock the head, so that nothing is appended during the copy. Raises CopyRefused."""
    head = _head(connection, lock=True)
    tables = [table.name for table in _TABLES if connection.execute(_select(table, limit=True)).fetchone()]
    if head != Head(0, 0) or tables:
        raise CopyRefused("The target is not empty: copy into a fresh database that `realrouter migrate` has prepared.")


def _events(snapshot: LogQueries, last: int, progress: Progress) -> Iterator[Row]:
    done = 0
    while page := snapshot.read(done, EVENTS_PER_PAGE):
        for event in page:
            yield (
                event.id,
                str(event.originator_id),
                event.originator_version,
                event.topic,
                event.state,
                event.command_id,
                event.recorded_at_micros,
            )
        done = page[-1].id
        progress(done, last)


def _rows(snapshot: LogQueries, table: _Table) -> Iterator[Row]:
    """By the table's key, which is text."""
    columns, at, after = ", ".join(table.types), list(table.types).index(table.key), ""
    page = f"SELECT {columns} FROM {table.name} WHERE {table.key} > ? ORDER BY {table.key} LIMIT ?"  # noqa: S608 - constants only
    while rows := snapshot.select(page, (after, ROWS_PER_PAGE)):
        yield from rows
        after = rows[-1][at]


def _fill(connection: psycopg.Connection[Row], table: _Table, rows: Iterable[Row]) -> None:
    columns = SQL(", ").join(map(Identifier, table.types))
    statement = SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(Identifier(table.name), columns)
    with connection.cursor() as cursor, cursor.copy(statement) as sink:
        sink.set_types(list(table.types.values()))
        for row in rows:
            sink.write_row(row)


def _stored(connection: psycopg.Connection[Row], table: _Table) -> Iterator[Row]:
    with connection.cursor(name=f"copy_{table.name}") as cursor:
        cursor.itersize = EVENTS_PER_PAGE
        cursor.execute(_select(table), binary=True)
        yield from cursor


def _select(table: _Table, *, limit: bool = False) -> psycopg.sql.Composed:
    columns = SQL(", ").join(map(Identifier, table.types))
    ordered = SQL("SELECT {} FROM {} ORDER BY {}").format(columns, Identifier(table.name), Identifier(table.key))
    return ordered + SQL(" LIMIT 1") if limit else ordered


def _head(connection: psycopg.Connection[Row], *, lock: bool = False) -> Head:
    statement = "SELECT position, recorded_at_micros FROM log_head"
    [(position, recorded_at)] = connection.execute(f"{statement} FOR UPDATE" if lock else statement).fetchall()
    return Head(position, recorded_at)


def _compare(wanted: Head, head: Head, read: _Digest, stored: _Digest) -> None:
    if head != wanted:
        raise CopyMismatch(f"The target's log ends at {head.position}, the source's at {wanted.position}.")
    if read.counts["stored_events"] != wanted.position:
        raise CopyMismatch(
            f"The source's log has gaps: {read.counts['stored_events']} events end at {wanted.position}."
        )
    if read.counts != stored.counts or read.hexdigest() != stored.hexdigest():
        raise CopyMismatch(f"The target's rows differ from those read: {stored.counts}, not {read.counts}.")
