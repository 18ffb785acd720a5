"""The embedded engine: one SQLite file in WAL mode, every commit synced to the disk (synchronous=FULL).

Rule 1: one connection writes, under BEGIN IMMEDIATE. Readers use separate connections and never block the writer.
Rule 2: the write lock is the file's, so the command line is safe next to a server; a second server is refused (exclusive.py).
Rule 3: readers' connections come from eventsourcing's pool; the writer has a separate connection, because its transaction spans the
decision.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from eventsourcing.persistence import InterfaceError, OperationalError
from eventsourcing.sqlite import SQLiteDatastore

from app.ledger.arbiter import BatchPlan, EventRow, Outcome, arbitrate
from app.ledger.codec import Codec
from app.ledger.isolate import append_isolating
from app.ledger.queries import LedgerQueries, LogQueries, Row
from app.ledger.schema.migrations import SCHEMA_VERSION, mismatch, scripts
from app.ledger.store import Append, StoreUnavailable, Verdict

LOCK_TIMEOUT_SECONDS = 5
CLOSE_SECONDS = 30.0
_WAL_PAUSE_SECONDS = 0.01
_INSERT_EVENT = "INSERT INTO stored_events VALUES (?, ?, ?, ?, ?, ?, ?)"
_PUT_BUCKET = "INSERT INTO buckets VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_OPEN_REQUEST = "INSERT INTO open_requests VALUES (?, ?, ?, ?)"
_CLOSE_REQUEST = "DELETE FROM open_requests WHERE request_id = ?"
_LOGGED = (
    "SELECT command_id, notification_id, recorded_at_micros FROM stored_events "
    "WHERE originator_id = ? AND originator_version = ?"
)
_DATA_ERRORS = (sqlite3.DataError, sqlite3.IntegrityError)


class SQLiteLedger(LedgerQueries):
    """The store over one SQLite file."""

    _among = "IN (SELECT value FROM json_each(?))"

    def __init__(self, path: str, *, codec: Codec | None = None) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._readers = SQLiteDatastore(path, lock_timeout=LOCK_TIMEOUT_SECONDS)
        self.path = path
        self._codec = codec or Codec()
        self._writer: sqlite3.Connection | None = None
        self._writing = threading.Lock()
        self._reading = threading.Condition()
        self._readers_of: Counter[int] = Counter()
        """How many connections each thread reads with now, by thread identifier."""

    def append(self, batch: Sequence[Append]) -> list[Verdict]:
        return append_isolating(self._append, batch, data_errors=_DATA_ERRORS)

    def now_micros(self) -> int:
        return time.time_ns() // 1000

    def estimated_now_micros(self) -> int:
        return self.now_micros()

    @contextmanager
    def snapshot(self) -> Iterator[LogQueries]:
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield _SnapshotReader(connection)
            finally:
                connection.execute("ROLLBACK")

    def migrate(self) -> int:
        with self._transaction() as connection:
            for version, script in scripts("sqlite"):
                if version > _schema_version(connection):
                    for statement in split_statements(script):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {version:d}")
            if problem := mismatch(_schema_version(connection)):
                raise problem
        return SCHEMA_VERSION

    def check_schema(self) -> None:
        with self._connection() as connection:
            if problem := mismatch(_schema_version(connection)):
                raise problem

    def close(self) -> None:
        """Close all connections, after other threads' reads have ended. A cancelled caller leaves its read running in a thread, and
        closing a connection in use crashes the process; one that is still in use after CLOSE_SECONDS stays open."""
        with self._writing:
            self._drop_writer()
        own = threading.get_ident()
        with self._reading:
            if self._reading.wait_for(lambda: not self._readers_of.keys() - {own}, CLOSE_SECONDS):
                self._readers.close()

    def _listed(self, names: Sequence[str]) -> str:
        return msgspec.json.encode(names).decode()

    def _append(self, batch: Sequence[Append]) -> list[Verdict]:
        with self._transaction() as connection:
            [(position, last)] = connection.execute("SELECT position, recorded_at_micros FROM log_head").fetchall()
            plan = BatchPlan(batch, max(self.now_micros(), last))
            logged = {
                place: row
                for place in plan.places
                if (row := connection.execute(_LOGGED, place).fetchone()) is not None
            }
            buckets = _bucket_values(connection, plan.bucket_names)
            outcome = arbitrate(plan, logged=logged, buckets=buckets, position=position, codec=self._codec)
            if outcome.rows:
                _write(connection, outcome, plan.at_micros)
        return outcome.verdicts

    def _fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Row]:
        with self._connection() as connection:
            return connection.execute(sql, parameters).fetchall()

    def _run(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> int:
        with self._transaction() as connection:
            return sum(connection.execute(sql, parameters).rowcount for sql, parameters in statements)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A reader's connection, which returns rows as tuples."""
        try:
            with self._counted(), self._readers.get_connection(commit=False) as pooled:
                connection: sqlite3.Connection = pooled._sqlite_conn  # noqa: SLF001 - the pool has no public way to it
                connection.row_factory = None
                try:
                    yield connection
                finally:
                    connection.row_factory = sqlite3.Row
        except (sqlite3.DatabaseError, OperationalError, InterfaceError) as error:
            raise StoreUnavailable(str(error)) from error

    @contextmanager
    def _counted(self) -> Iterator[None]:
        thread = threading.get_ident()
        with self._reading:
            self._readers_of[thread] += 1
        try:
            yield
        finally:
            with self._reading:
                self._readers_of[thread] -= 1
                if not self._readers_of[thread]:
                    del self._readers_of[thread]
                self._reading.notify_all()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """The writer's connection under the write lock; committed at the end, rolled back on any error."""
        with self._writing:
            try:
                connection = self._open_writer()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            except _DATA_ERRORS:
                raise
            except sqlite3.DatabaseError as error:
                self._drop_writer()
                raise StoreUnavailable(str(error)) from error

    def _open_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            writer = sqlite3.connect(
                self.path, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._writer = writer
            use_wal(writer)
            writer.execute("PRAGMA synchronous=FULL")
        return self._writer

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class _SnapshotReader(LogQueries):
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._snapshot = connection

    def _fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Row]:
        return self._snapshot.execute(sql, parameters).fetchall()


def use_wal(connection: sqlite3.Connection) -> None:
    """Switch the database to write-ahead logging. If another process opens a new database at the same moment, SQLite fails at once
    instead of waiting, so this waits, as long as for any lock."""
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        time.sleep(_WAL_PAUSE_SECONDS)


def split_statements(script: str) -> Iterator[str]:
    """The statements of a script. (Triggers contain semicolons inside their bodies.)"""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _schema_version(connection: sqlite3.Connection) -> int:
    [(version,)] = connection.execute("PRAGMA user_version").fetchall()
    return int(version)


def _bucket_values(connection: sqlite3.Connection, names: Any) -> dict[str, int]:
    """Under the write lock, so no other commit falls between two of them."""
    select = "SELECT value FROM buckets WHERE name = ?"
    return {
        name: row[0] if (row := connection.execute(select, (name,)).fetchone()) is not None else 0 for name in names
    }


def _write(connection: sqlite3.Connection, outcome: Outcome, at_micros: int) -> None:
    rows: list[EventRow] = outcome.rows
    connection.executemany(_INSERT_EVENT, rows)
    connection.executemany(_PUT_BUCKET, outcome.buckets.items())
    if outcome.opened:
        connection.executemany(_OPEN_REQUEST, outcome.opened)
    if outcome.closed:
        connection.executemany(_CLOSE_REQUEST, [(request_id,) for request_id in outcome.closed])
    connection.execute("UPDATE log_head SET position = ?, recorded_at_micros = ?", (rows[-1][0], at_micros))
