"""Read models in schema `views` of the ledger's database, committed without waiting for the disk, since they can be rebuilt.

Rule 1: a batch locks its rows of `tracking`. A process that finds one locked leaves the batch to the holder. The lock ends with
the connection, so another process takes over if the holder dies.
Rule 2: after a server crash the tables may lag some batches behind, with rows and positions consistent.
Rule 3: a reader takes its table locks before its snapshot, so that a rebuilt table is never swapped while it reads.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from app.faults import ReadModelsUnavailable
from app.read_models import sql
from app.read_models.queries import Fetch, ViewQueries
from app.read_models.snapshot import TABLES, ViewsSnapshot
from projections.contract import Projection, TakenOver, Tracked
from projections.tables import Change, Key, Row, Table

CONNECT_TIMEOUT_SECONDS = 5
READERS_MAX = 4
READ_TIMEOUT_MS = 1_000
"""No read transaction lasts longer than a second."""
BATCH_TIMEOUT_MS = 15_000
SWAP_LOCK_TIMEOUT_MS = 1_000
SNAPSHOT_PAGE = 5_000
_SCHEMA_LOCK = 7_233_402_946
"""The key of the advisory lock for creating the tables; the ledger's key is one less."""
_BEGIN_BATCH = "BEGIN; SET LOCAL synchronous_commit = off"
_LOCK_TRACKING = (
    "SELECT t.application_name, t.notification_id, t.recorded_at_micros, t.error, m.fingerprint "
    "FROM views.tracking AS t, views.meta AS m WHERE t.application_name = ANY(%s) "
    "ORDER BY t.application_name FOR UPDATE OF t"
)
_ADVANCE = (
    "UPDATE views.tracking SET notification_id = %s, recorded_at_micros = %s, error = %s "
    "WHERE application_name = %s AND notification_id = %s"
)
_OUT_OF_REACH = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    PoolTimeout,
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
)
"""The last two errors mean that the read models have not been prepared yet."""
Connection = psycopg.Connection[Row]


class PostgresReadModels(ViewQueries):
    """The read models in the database with this URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            min_size=0,
            max_size=READERS_MAX,
            timeout=CONNECT_TIMEOUT_SECONDS,
            max_idle=60,
            # Statements are not prepared: tables recreated by a newer version would break statements prepared for the old ones.
            kwargs={"autocommit": True, "connect_timeout": CONNECT_TIMEOUT_SECONDS, "prepare_threshold": None},
            configure=_configure_reader,
            check=ConnectionPool.check_connection,
            open=False,
        )
        self._writer: Connection | None = None
        self._writing = threading.Lock()
        self._definition: str | None = None

    def prepare(self, projections: Sequence[Projection], identity: str) -> None:
        definition = sql.definition(projections)
        with self._transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
            if not _fits(connection, definition, identity):
                _recreate(connection, projections, definition, identity)
        self._definition = definition

    @contextmanager
    def batch(self, names: Sequence[str], rebuild: str | None = None) -> Iterator[_Batch | None]:
        projection_of = {sql.tracked(name, rebuild): name for name in names}
        with self._transaction() as connection:
            rows = connection.execute(f"{_LOCK_TRACKING} SKIP LOCKED", (list(projection_of),)).fetchall()
            if len(rows) == len(projection_of):
                self._check_definition(rows)
                yield _Batch(connection, {projection_of[row[0]]: Tracked(*row[1:4]) for row in rows}, rebuild)
                return
            if not rows and not _there(connection, list(projection_of)):
                raise TakenOver("the read models no longer exist, or another rebuild has started")
        yield None

    def begin_rebuild(self, projections: Sequence[Projection]) -> str:
        rebuild = secrets.token_hex(4)
        with self._transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
            self._check_definition(connection.execute("SELECT fingerprint FROM views.meta").fetchall())
            left = "SELECT tablename FROM pg_tables WHERE schemaname = 'views' AND tablename LIKE '%\\_\\_%'"
            for (name,) in connection.execute(left).fetchall():
                connection.execute(f"DROP TABLE views.{name}")
            connection.execute("DELETE FROM views.tracking WHERE application_name LIKE '%~%'")
            for projection in projections:
                _create(connection, projection, rebuild)
        return rebuild

    def finish_rebuild(self, projections: Sequence[Projection], rebuild: str, head: int) -> bool:
        names = [(item.name, sql.tracked(item.name, rebuild)) for item in projections]
        with self._transaction() as connection:
            rows = connection.execute(_LOCK_TRACKING, ([name for pair in names for name in pair],)).fetchall()
            at = {row[0]: row[1] for row in rows}
            if any(new not in at for _, new in names):
                raise TakenOver("another rebuild has started")
            self._check_definition(rows)
            if any(at[new] < min(at[old], head) for old, new in names):
                return False
            connection.execute(f"SET LOCAL lock_timeout = {SWAP_LOCK_TIMEOUT_MS}")
            try:
                for projection in projections:
                    _put_in_place(connection, projection, rebuild)
            except psycopg.errors.LockNotAvailable as error:
                raise ReadModelsUnavailable("the read models are locked by a long read, such as a replay") from error
        return True

    @contextmanager
    def snapshot(self) -> Iterator[ViewsSnapshot]:
        """A consistent view of all tables, without a time limit."""
        with _mapped(), self._connect() as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for table in ("meta", "tracking", *(table.name for table in TABLES)):
                connection.execute(f"LOCK TABLE views.{table} IN ACCESS SHARE MODE")
            yield ViewsSnapshot(
                _fetch_of(connection), lambda statement, parameters: _stream(connection, statement, parameters)
            )

    def close(self) -> None:
        with self._writing:
            self._drop_writer()
        self._pool.close()

    @contextmanager
    def _reading(self, *tables: Table) -> Iterator[Fetch]:
        names = ", ".join(f"views.{name}" for name in ("tracking", *(table.name for table in tables)))
        begin = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE {names} IN ACCESS SHARE MODE"
        with _mapped():
            self._pool.open()
            with self._pool.connection() as connection:
                connection.execute(begin)
                try:
                    yield _fetch_of(connection)
                finally:
                    connection.execute("ROLLBACK")

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._writing, _mapped():
            connection = self._open_writer()
            try:
                connection.execute(_BEGIN_BATCH)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # Do not roll back on a connection in an unknown state: the server does so when it is closed.
                self._drop_writer()
                raise

    def _connect(self) -> Connection:
        return psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS)

    def _open_writer(self) -> Connection:
        if self._writer is None or self._writer.closed:
            writer = self._connect()
            writer.execute(f"SET statement_timeout = {BATCH_TIMEOUT_MS}")
            writer.execute(f"SET idle_in_transaction_session_timeout = {BATCH_TIMEOUT_MS}")
            self._writer = writer
        return self._writer

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _check_definition(self, rows: Sequence[Row]) -> None:
        if any(row[-1] != self._definition for row in rows):
            raise TakenOver("the read models have been rebuilt by another version of Realrouter")


class _Batch:
    """A transaction in progress, with its tracking rows locked."""

    def __init__(self, connection: Connection, tracked: Mapping[str, Tracked], rebuild: str | None) -> None:
        self._connection = connection
        self._rebuild = rebuild
        self.tracked = tracked

    def read(self, table: Table, keys: Collection[Key]) -> Mapping[Key, Row]:
        statement = sql.postgres_read(table, self._name(table))
        with _mapped():
            rows = self._connection.execute(statement, sql.columns_of(list(keys)), binary=True).fetchall()
        return {row[: table.key]: row for row in rows}

    def write(self, change: Change) -> None:
        table, name = change.table, self._name(change.table)
        with _mapped():
            if change.how == "insert":
                self._copy(table, name, change.rows)
            else:
                self._connection.execute(sql.postgres_write(table, name, change.how), sql.columns_of(change.rows))

    def advance(self, name: str, tracked: Tracked) -> None:
        values = (tracked.position, tracked.recorded_at_micros, tracked.error)
        where = (sql.tracked(name, self._rebuild), self.tracked[name].position)
        with _mapped():
            moved = self._connection.execute(_ADVANCE, (*values, *where)).rowcount
        if moved != 1:
            raise TakenOver(f"{name} is no longer at the position that was read")

    def identify(self, identity: str) -> None:
        with _mapped():
            self._connection.execute("UPDATE views.meta SET log = %s", (identity,))

    def _name(self, table: Table) -> str:
        return f"views.{sql.live(table, self._rebuild)}"

    def _copy(self, table: Table, name: str, rows: Sequence[Row]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(sql.postgres_copy(table, name)) as copy:
            copy.set_types(["text" if column.kind == "text" else "int8" for column in table.columns])
            for row in rows:
                copy.write_row(row)


def _fits(connection: Connection, definition: str, identity: str) -> bool:
    """Whether the tables exist, have these definitions, and belong to this log (or to an empty log)."""
    there = connection.execute("SELECT to_regclass('views.meta') IS NOT NULL").fetchone()
    if there != (True,):
        return False
    row = connection.execute("SELECT fingerprint, log FROM views.meta").fetchone()
    return row is not None and row[0] == definition and row[1] in {"", identity}


def _recreate(connection: Connection, projections: Sequence[Projection], definition: str, identity: str) -> None:
    connection.execute("DROP SCHEMA IF EXISTS views CASCADE")
    connection.execute("CREATE SCHEMA views")
    connection.execute(sql.TRACKING.format(views="views."))
    connection.execute(sql.META.format(views="views."))
    connection.execute("INSERT INTO views.meta VALUES (1, %s, %s)", (definition, identity))
    for projection in projections:
        _create(connection, projection, None)


def _create(connection: Connection, projection: Projection, rebuild: str | None) -> None:
    for table in projection.tables:
        name, suffix = sql.live(table, rebuild), rebuild or secrets.token_hex(4)
        for statement in sql.create(table, name, suffix, schema="views.", types=sql.POSTGRES_TYPES, tail=""):
            connection.execute(statement)
    connection.execute("INSERT INTO views.tracking VALUES (%s, 0, 0, NULL)", (sql.tracked(projection.name, rebuild),))


def _put_in_place(connection: Connection, projection: Projection, rebuild: str) -> None:
    for table in projection.tables:
        connection.execute(f"DROP TABLE views.{table.name}")
        connection.execute(f"ALTER TABLE views.{sql.live(table, rebuild)} RENAME TO {table.name}")
    connection.execute("DELETE FROM views.tracking WHERE application_name = %s", (projection.name,))
    connection.execute(
        "UPDATE views.tracking SET application_name = %s WHERE application_name = %s",
        (projection.name, sql.tracked(projection.name, rebuild)),
    )


def _there(connection: Connection, names: list[str]) -> bool:
    found = "SELECT count(*) FROM views.tracking WHERE application_name = ANY(%s)"
    return connection.execute(found, (names,)).fetchone() == (len(names),)


def _configure_reader(connection: Connection) -> None:
    connection.execute(f"SET statement_timeout = {READ_TIMEOUT_MS}")
    connection.execute(f"SET idle_in_transaction_session_timeout = {READ_TIMEOUT_MS}")


def _fetch_of(connection: Connection) -> Fetch:
    return lambda statement, parameters: connection.execute(
        statement.replace("?", "%s"), parameters, binary=True
    ).fetchall()


def _stream(connection: Connection, statement: str, parameters: Sequence[str]) -> Iterator[Row]:
    """Streams rows through a server-side cursor."""
    with connection.cursor(f"rows_{secrets.token_hex(4)}") as cursor:
        cursor.itersize = SNAPSHOT_PAGE
        cursor.execute(statement.replace("?", "%s"), parameters, binary=True)
        yield from cursor


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except _OUT_OF_REACH as error:
        raise ReadModelsUnavailable(f"read models: {str(error).partition(chr(10))[0]}") from error
