"""Read models in a separate SQLite file next to the ledger's: WAL, synchronous=NORMAL, since they can be rebuilt.

Rule 1: a batch is BEGIN IMMEDIATE on this file; the ledger's write lock is never touched.
Rule 2: batches of several threads or processes wait for one another, and each reads the positions under the lock.
Rule 3: after a power failure the file may lag some batches behind, with rows and positions consistent.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from queue import Empty, Full, LifoQueue

from app.faults import ReadModelsUnavailable
from app.ledger.sqlite import use_wal
from app.read_models import sql
from app.read_models.queries import Fetch, ViewQueries
from app.read_models.snapshot import ViewsSnapshot
from projections.contract import Projection, TakenOver, Tracked
from projections.tables import Change, Key, Row, Table

LOCK_TIMEOUT_SECONDS = 5
READERS_KEPT = 4
READ_TIMEOUT_SECONDS = 1.0
"""No read transaction lasts longer than a second."""
_STEPS_PER_LOOK = 100_000
"""The number of SQLite VM steps, some milliseconds, between two checks of the clock."""
WRITER_CACHE_KIB = 65_536
"""A batch touches pages all over the tables; pages that do not fit in the cache are written twice."""
CHECKPOINT_PAGES = 8_000
"""32 MiB of WAL, so that a page touched by many batches is copied back once."""
_ANY_TEXT = partial(str, encoding="utf-8", errors="backslashreplace")
_TRACKING = "SELECT application_name, notification_id, recorded_at_micros, error FROM tracking"
_ADVANCE = (
    "UPDATE tracking SET notification_id = ?, recorded_at_micros = ?, error = ? "
    "WHERE application_name = ? AND notification_id = ?"
)


class SQLiteReadModels(ViewQueries):
    """The read models of the ledger at `ledger_path`, in `ledger_path`.views."""

    def __init__(self, ledger_path: str) -> None:
        self.path = f"{ledger_path}.views"
        self._writer: sqlite3.Connection | None = None
        self._writing = threading.Lock()
        self._readers: LifoQueue[sqlite3.Connection] = LifoQueue(READERS_KEPT)
        self._definition: str | None = None

    def prepare(self, projections: Sequence[Projection], identity: str) -> None:
        definition = sql.definition(projections)
        with self._transaction() as connection:
            if not _fits(connection, definition, identity):
                _recreate(connection, projections, definition, identity)
        self._definition = definition

    @contextmanager
    def batch(self, names: Sequence[str], rebuild: str | None = None) -> Iterator[_Batch | None]:
        with self._transaction() as connection:
            self._check_definition(connection)
            yield _Batch(connection, names, rebuild)

    def begin_rebuild(self, projections: Sequence[Projection]) -> str:
        rebuild = secrets.token_hex(4)
        with self._transaction() as connection:
            self._check_definition(connection)
            left = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%\\_\\_%' ESCAPE '\\'"
            for (name,) in connection.execute(left).fetchall():
                connection.execute(f"DROP TABLE {name}")
            connection.execute("DELETE FROM tracking WHERE application_name LIKE '%~%'")
            for projection in projections:
                _create(connection, projection, rebuild)
        return rebuild

    def finish_rebuild(self, projections: Sequence[Projection], rebuild: str, head: int) -> bool:
        with self._transaction() as connection:
            self._check_definition(connection)
            for projection in projections:
                names = (projection.name, sql.tracked(projection.name, rebuild))
                at = _Batch(connection, names, None).tracked
                if at[names[1]].position < min(at[names[0]].position, head):
                    return False
            for projection in projections:
                _put_in_place(connection, projection, rebuild)
        return True

    @contextmanager
    def snapshot(self) -> Iterator[ViewsSnapshot]:
        """A consistent view of all tables, without a time limit. Text corrupted by a bit flip is still returned."""
        with self._reader() as connection:
            connection.text_factory = _ANY_TEXT
            try:
                yield ViewsSnapshot(
                    _fetch_of(connection),
                    lambda statement, parameters: connection.execute(_local(statement), parameters),
                )
            finally:
                connection.text_factory = str

    def close(self) -> None:
        with self._writing:
            self._drop_writer()
        while True:
            try:
                self._readers.get_nowait().close()
            except Empty:
                return

    @contextmanager
    def _reading(self, *tables: Table) -> Iterator[Fetch]:
        ends = time.monotonic() + READ_TIMEOUT_SECONDS
        with self._reader() as connection:
            connection.set_progress_handler(lambda: time.monotonic() > ends, _STEPS_PER_LOOK)
            try:
                yield _fetch_of(connection)
            finally:
                connection.set_progress_handler(None, 0)

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction, with a consistent view."""
        with _mapped():
            connection = self._open_reader()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                try:
                    self._readers.put_nowait(connection)
                except Full:
                    connection.close()

    def _open_reader(self) -> sqlite3.Connection:
        try:
            return self._readers.get_nowait()
        except Empty:
            return _connect(self.path)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._writing, _mapped():
            connection = self._open_writer()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError):
                    self._drop_writer()
                raise

    def _open_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = _connect(self.path)
            self._writer.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
            self._writer.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        return self._writer

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _check_definition(self, connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT fingerprint FROM meta").fetchone() != (self._definition,):
            raise TakenOver("the read models have been rebuilt by another version of Realrouter")


class _Batch:
    """A transaction in progress."""

    def __init__(self, connection: sqlite3.Connection, names: Sequence[str], rebuild: str | None) -> None:
        self._connection = connection
        self._rebuild = rebuild
        projection_of = {sql.tracked(name, rebuild): name for name in names}
        self.tracked: Mapping[str, Tracked] = {
            projection_of[row[0]]: Tracked(*row[1:]) for row in connection.execute(_TRACKING) if row[0] in projection_of
        }
        if len(self.tracked) < len(projection_of):
            raise TakenOver("the read models no longer exist, or another rebuild has started")

    def read(self, table: Table, keys: Collection[Key]) -> Mapping[Key, Row]:
        statement = sql.sqlite_read(table, sql.live(table, self._rebuild))
        with _mapped():
            found = [self._connection.execute(statement, key).fetchone() for key in keys]
        return {row[: table.key]: row for row in found if row is not None}

    def write(self, change: Change) -> None:
        name = sql.live(change.table, self._rebuild)
        with _mapped():
            self._connection.executemany(sql.sqlite_write(change.table, name, change.how), change.rows)

    def advance(self, name: str, tracked: Tracked) -> None:
        values = (tracked.position, tracked.recorded_at_micros, tracked.error)
        where = (sql.tracked(name, self._rebuild), self.tracked[name].position)
        with _mapped():
            moved = self._connection.execute(_ADVANCE, (*values, *where)).rowcount
        if moved != 1:
            raise TakenOver(f"{name} is no longer at the position that was read")

    def identify(self, identity: str) -> None:
        with _mapped():
            self._connection.execute("UPDATE meta SET log = ?", (identity,))


def _fits(connection: sqlite3.Connection, definition: str, identity: str) -> bool:
    """Whether the tables exist, have these definitions, and belong to this log (or to an empty log)."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is None:
        return False
    there, log = connection.execute("SELECT fingerprint, log FROM meta").fetchone()
    return bool(there == definition and log in {"", identity})


def _recreate(
    connection: sqlite3.Connection, projections: Sequence[Projection], definition: str, identity: str
) -> None:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in tables:
        connection.execute(f'DROP TABLE "{name}"')
    connection.execute(sql.TRACKING.format(views=""))
    connection.execute(sql.META.format(views=""))
    connection.execute("INSERT INTO meta VALUES (1, ?, ?)", (definition, identity))
    for projection in projections:
        _create(connection, projection, None)


def _create(connection: sqlite3.Connection, projection: Projection, rebuild: str | None) -> None:
    for table in projection.tables:
        name, suffix = sql.live(table, rebuild), rebuild or secrets.token_hex(4)
        for statement in sql.create(table, name, suffix, schema="", types=sql.SQLITE_TYPES, tail=" WITHOUT ROWID"):
            connection.execute(statement)
    connection.execute("INSERT INTO tracking VALUES (?, 0, 0, NULL)", (sql.tracked(projection.name, rebuild),))


def _put_in_place(connection: sqlite3.Connection, projection: Projection, rebuild: str) -> None:
    for table in projection.tables:
        connection.execute(f"DROP TABLE {table.name}")
        connection.execute(f"ALTER TABLE {sql.live(table, rebuild)} RENAME TO {table.name}")
    connection.execute("DELETE FROM tracking WHERE application_name = ?", (projection.name,))
    connection.execute(
        "UPDATE tracking SET application_name = ? WHERE application_name = ?",
        (projection.name, sql.tracked(projection.name, rebuild)),
    )


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False)
    use_wal(connection)
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def _fetch_of(connection: sqlite3.Connection) -> Fetch:
    return lambda statement, parameters: connection.execute(_local(statement), parameters).fetchall()


def _local(statement: str) -> str:
    return statement.replace("views.", "")


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise ReadModelsUnavailable(f"read models: {error}") from error
