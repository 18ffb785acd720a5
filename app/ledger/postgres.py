"""The production engine: one PostgreSQL, any number of gateway processes.

Rule 1: appends serialise on the one row of log_head, which is locked from before the first read until the commit: positions have
no gaps, and commit order is position order. No table lock: it would conflict with VACUUM.
Rule 2: three round trips per batch: lock and read; read again if the stamped instant falls into another minute; write and commit.
Rule 3: a commit whose reply was lost is retried: commands that are in the log are answered as committed. If the first attempt is
still running on the server, the second waits for the row that it has locked, so the verdict is never a guess.
Rule 4: every wait is limited: statements by the server, and answers by the client, in case the server hangs.
Rule 5: readers' connections come from eventsourcing's pool; the writer has a separate connection, because its transaction spans the
decision.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError
from eventsourcing.postgres import PostgresDatastore
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row
from psycopg_pool import PoolTimeout

from app.ledger.arbiter import BatchPlan, Logged, Outcome, Place, arbitrate
from app.ledger.clock import StoreClock
from app.ledger.codec import Codec
from app.ledger.isolate import append_isolating
from app.ledger.queries import LedgerQueries, LogQueries, Row, as_postgres
from app.ledger.schema.migrations import SCHEMA_VERSION, mismatch, scripts
from app.ledger.store import Append, LogReader, StoreUnavailable, Verdict
from domain.buckets import MICROS_PER_SECOND

APPEND_ATTEMPTS = 3
"""After a lost connection, the batch is run again on a new one."""
CONNECT_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_SECONDS = 15
ANSWER_TIMEOUT_SECONDS = 20
"""The limit that the client enforces, because a server that is suspended or unreachable reports no timeout."""
READERS = 4
_MIGRATION_LOCK = 7_233_402_945
"""The key of the advisory lock that serialises migrations."""
_POOL_PARAMETERS = frozenset({"dbname", "host", "port", "user", "password"})
_NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_LOCK_HEAD = f"SELECT position, recorded_at_micros, {_NOW} FROM log_head FOR UPDATE"  # noqa: S608 - constants only
_LOGGED = (
    "SELECT e.originator_id, e.originator_version, e.command_id, e.notification_id, e.recorded_at_micros "
    "FROM unnest(%s::text[], %s::bigint[]) AS p (stream, version) "
    "JOIN stored_events e ON e.originator_id = p.stream AND e.originator_version = p.version"
)
_BUCKETS = "SELECT name, value FROM buckets WHERE name = ANY(%s::text[])"
_INSERT_EVENTS = (
    "INSERT INTO stored_events SELECT * FROM unnest"
    "(%b::bigint[], %b::text[], %b::bigint[], %b::text[], %b::bytea[], %b::text[], %b::bigint[])"
)
_PUT_BUCKETS = (
    "INSERT INTO buckets SELECT * FROM unnest(%b::text[], %b::bigint[]) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_OPEN_REQUESTS = "INSERT INTO open_requests SELECT * FROM unnest(%b::text[], %b::bigint[], %b::text[], %b::bigint[])"
_CLOSE_REQUESTS = "DELETE FROM open_requests WHERE request_id = ANY(%b::text[])"
_MOVE_HEAD = "UPDATE log_head SET position = %b, recorded_at_micros = %b"
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
"""Set explicitly: each statement after the lock must see everything that was committed before the lock was granted."""
_PLANS = (
    "SET plan_cache_mode = force_generic_plan",
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
)
"""The generic plan, made while the tables are still small, is kept: it must use the indexes even for few rows."""
_RENEW_LEASE = (
    f"INSERT INTO instances (instance_id, expires_at_micros) VALUES (%s, {_NOW} + %s) "  # noqa: S608 - constants only
    "ON CONFLICT (instance_id) DO UPDATE SET expires_at_micros = excluded.expires_at_micros "
    "WHERE instances.expires_at_micros <> 0 AND excluded.expires_at_micros > instances.expires_at_micros"
)
_UNREACHABLE = (psycopg.OperationalError, psycopg.InterfaceError)
_NOT_RETRYABLE = (psycopg.errors.QueryCanceled, psycopg.errors.ConnectionTimeout)
_DATA_ERRORS = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)
_POOL_UNREACHABLE = (OperationalError, InterfaceError, PoolTimeout, *_UNREACHABLE)


class _Connection(psycopg.Connection[Row]):
    """A connection that closes itself if an answer takes longer than ANSWER_TIMEOUT_SECONDS."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        started = time.monotonic()
        try:
            return super().wait(gen, interval, ANSWER_TIMEOUT_SECONDS if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if timeout is not None or time.monotonic() - started < ANSWER_TIMEOUT_SECONDS:
                raise
            self.pgconn.finish()
            raise psycopg.errors.ConnectionTimeout(f"no answer within {ANSWER_TIMEOUT_SECONDS} s") from error


class PostgresLedger(LedgerQueries):
    """The store over one PostgreSQL database, by its URL."""

    _among = "= ANY(?)"

    def __init__(self, url: str, *, codec: Codec | None = None) -> None:
        self.url = url
        self._datastore = _datastore(url)
        self._codec = codec or Codec()
        self._writer: psycopg.Connection[Row] | None = None
        self._writing = threading.Lock()
        self._clock = StoreClock()

    def append(self, batch: Sequence[Append]) -> list[Verdict]:
        with self._writing:
            return append_isolating(self._append_again, batch, data_errors=_DATA_ERRORS)

    def now_micros(self) -> int:
        [(now,)] = self._fetch(f"SELECT {_NOW}")
        return int(now)

    @contextmanager
    def snapshot(self) -> Iterator[LogReader]:
        with self._connect() as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.execute("SET LOCAL statement_timeout = 0")
            yield _SnapshotReader(connection)
            connection.execute("ROLLBACK")

    def migrate(self) -> int:
        with self._connect(psycopg.Connection[Row]) as connection:
            connection.execute("SET statement_timeout = 0")
            connection.execute("SELECT pg_advisory_lock(%s)", (_MIGRATION_LOCK,))
            connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)")
            connection.execute("INSERT INTO schema_version SELECT 0 WHERE NOT EXISTS (SELECT FROM schema_version)")
            for version, script in scripts("postgres"):
                if version > _schema_version(connection):
                    with connection.transaction():
                        connection.execute(script)
                        connection.execute("UPDATE schema_version SET version = %s", (version,))
            if problem := mismatch(_schema_version(connection)):
                raise problem
        return SCHEMA_VERSION

    def check_schema(self) -> None:
        with self._connect() as connection:
            row = connection.execute("SELECT to_regclass('schema_version') IS NOT NULL").fetchone()
            version = _schema_version(connection) if row is not None and row[0] else 0
        if problem := mismatch(version):
            raise problem

    def close(self) -> None:
        with self._writing:
            self._drop_writer()
        self._datastore.close()

    def _listed(self, names: Sequence[str]) -> list[str]:
        return list(names)

    def _append_again(self, batch: Sequence[Append]) -> list[Verdict]:
        for attempt in range(1, APPEND_ATTEMPTS + 1):
            try:
                return self._append(batch)
            except _DATA_ERRORS:
                self._drop_writer()
                raise
            except psycopg.Error as error:
                self._drop_writer()
                if attempt == APPEND_ATTEMPTS or not _is_retryable(error):
                    raise StoreUnavailable(_first_line(error)) from error
            except BaseException:
                self._drop_writer()
                raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _append(self, batch: Sequence[Append]) -> list[Verdict]:
        connection = self._open_writer()
        plan, logged, buckets, position = self._lock_and_read(connection, batch)
        outcome = arbitrate(plan, logged=logged, buckets=buckets, position=position, codec=self._codec)
        if outcome.rows:
            _write(connection, outcome, plan.at_micros)
        else:
            connection.execute("ROLLBACK")
        return outcome.verdicts

    def _lock_and_read(
        self, connection: psycopg.Connection[Row], batch: Sequence[Append]
    ) -> tuple[BatchPlan, dict[Place, Logged], dict[str, int], int]:
        plan = BatchPlan(batch, self.estimated_now_micros())
        places = plan.places
        asked_at = self._clock.monotonic_micros()
        with connection.pipeline():
            connection.execute(_BEGIN)
            head = connection.execute(_LOCK_HEAD, binary=True)
            found = connection.execute(_LOGGED, ([p[0] for p in places], [p[1] for p in places]), binary=True)
            values = connection.execute(_BUCKETS, (list(plan.bucket_names),), binary=True)
            [(position, last, now)] = head.fetchall()
            logged: dict[Place, Logged] = {(row[0], row[1]): (row[2], row[3], row[4]) for row in found.fetchall()}
            buckets: dict[str, int] = dict(cast(list[tuple[str, int]], values.fetchall()))
        self._clock.learn(now, asked_at)
        stamped = plan.at(max(now, last))
        if stamped is not plan and (missing := list(stamped.bucket_names - plan.bucket_names)):
            buckets.update(
                cast(list[tuple[str, int]], connection.execute(_BUCKETS, (missing,), binary=True).fetchall())
            )
        return stamped, logged, buckets, position

    def renew_lease(self, instance_id: str, seconds: float) -> None:
        """Uses a separate connection, so that busy readers cannot cost a process its lease."""
        with self._connect() as connection:
            connection.execute(_RENEW_LEASE, (instance_id, int(seconds * MICROS_PER_SECOND)))
            asked_at = self._clock.monotonic_micros()
            [(now,)] = connection.execute(f"SELECT {_NOW}").fetchall()
        self._clock.learn(int(now), asked_at)

    def estimated_now_micros(self) -> int:
        """The database's clock, close enough that the windows read first are nearly always those of the stamped instant."""
        return self._clock.now_micros()

    def _fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Row]:
        try:
            with self._datastore.get_connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
                return cursor.execute(as_postgres(sql), parameters, binary=True).fetchall()
        except _POOL_UNREACHABLE as error:
            raise StoreUnavailable(_first_line(error)) from error

    def _run(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> int:
        try:
            with self._datastore.get_connection() as connection, connection.transaction():
                return sum(connection.execute(as_postgres(sql), parameters).rowcount for sql, parameters in statements)
        except _POOL_UNREACHABLE as error:
            raise StoreUnavailable(_first_line(error)) from error

    @contextmanager
    def _connect(self, kind: type[psycopg.Connection[Row]] = _Connection) -> Iterator[psycopg.Connection[Row]]:
        """A new connection, outside the pool, closed at the end."""
        try:
            with kind.connect(self.url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS) as connection:
                yield connection
        except _UNREACHABLE as error:
            raise StoreUnavailable(_first_line(error)) from error

    def _open_writer(self) -> psycopg.Connection[Row]:
        if self._writer is None or self._writer.closed:
            writer = _Connection.connect(
                self.url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS, prepare_threshold=0
            )
            self._writer = writer
            writer.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT_SECONDS}s'")
            writer.execute(f"SET idle_in_transaction_session_timeout = '{STATEMENT_TIMEOUT_SECONDS}s'")
            for setting in _PLANS:
                writer.execute(setting)
            if writer.execute("SHOW synchronous_commit").fetchone() == ("off",):
                writer.execute("SET synchronous_commit = on")
        return self._writer

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class _SnapshotReader(LogQueries):
    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._snapshot = connection

    def _fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Row]:
        return self._snapshot.execute(as_postgres(sql), parameters, binary=True).fetchall()


def _write(connection: psycopg.Connection[Row], outcome: Outcome, at_micros: int) -> None:
    rows = outcome.rows
    with connection.pipeline():
        connection.execute(_INSERT_EVENTS, [list(column) for column in zip(*rows, strict=True)])
        if outcome.buckets:
            connection.execute(_PUT_BUCKETS, (list(outcome.buckets), list(outcome.buckets.values())))
        if outcome.opened:
            connection.execute(_OPEN_REQUESTS, [list(column) for column in zip(*outcome.opened, strict=True)])
        if outcome.closed:
            connection.execute(_CLOSE_REQUESTS, (outcome.closed,))
        connection.execute(_MOVE_HEAD, (rows[-1][0], at_micros))
        connection.execute("COMMIT")


def _schema_version(connection: psycopg.Connection[Row]) -> int:
    row = connection.execute("SELECT version FROM schema_version").fetchone()
    return 0 if row is None else int(row[0])


def _datastore(url: str) -> PostgresDatastore:
    parameters = conninfo_to_dict(url)
    datastore = PostgresDatastore(
        dbname=str(parameters.get("dbname") or ""),
        host=str(parameters.get("host") or ""),
        port=str(parameters.get("port") or ""),
        user=str(parameters.get("user") or ""),
        password=str(parameters.get("password") or ""),
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        pool_size=1,
        max_overflow=READERS - 1,
        pre_ping=True,
        originator_id_type="text",
    )
    cast(Any, datastore.pool).connection_class = _Connection
    kwargs = cast(dict[str, Any], datastore.pool.kwargs)
    for name in _POOL_PARAMETERS:
        if not kwargs[name]:
            del kwargs[name]
    kwargs["connect_timeout"] = CONNECT_TIMEOUT_SECONDS
    kwargs.update({name: value for name, value in parameters.items() if name not in _POOL_PARAMETERS})
    return datastore


def _is_retryable(error: psycopg.Error) -> bool:
    """True for a lost connection or a server that has just become a standby; False for a statement that took too long."""
    if isinstance(error, _NOT_RETRYABLE):
        return False
    return isinstance(error, (*_UNREACHABLE, psycopg.errors.ReadOnlySqlTransaction))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
