"""The store when the world fails: lost replies, locks, full disks, restarts, processes side by side."""

from __future__ import annotations

import os
import select
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.ledger import postgres, sqlite
from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger, use_wal
from app.ledger.store import Committed, Ledger, SchemaMismatch, StoreUnavailable, Verdict
from tests.support.gateway.postgres_proxy import PostgresProxy
from tests.support.gateway.postgres_server import restart, start_server
from tests.support.gateway.processes import PATIENCE_SECONDS
from tests.support.ledger.ledgers import Engine, admission, check_log, fund, granted, one, opened, whole
from tests.support.paths import ROOT

BOUND_SECONDS = 15
"""Longer than any limit set below takes on a busy machine, shorter than the defaults together."""


def within(seconds: float, act: Callable[[], object]) -> None:
    """It is unavailable, and says so in time."""
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        act()
    assert time.monotonic() - started < seconds


def once_available(act: Callable[[], Verdict]) -> Verdict:
    """The verdict of the first try that reaches the store. Each other try waits for CONNECT_TIMEOUT_SECONDS."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return act()
        except StoreUnavailable:
            if time.monotonic() > ends_at:
                raise


def other_process(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python of its own, from the root of the tree."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


# A commit whose reply is lost


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[PostgresProxy]:
    with psycopg.connect(postgres_url) as connection:
        folder, port, name = connection.info.host, connection.info.port, connection.info.dbname
    proxy = PostgresProxy(f"postgresql://postgres@/{name}?host={folder}&port={port}")
    yield proxy
    proxy.close()


@pytest.fixture
def proxied(proxy: PostgresProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresLedger]:
    monkeypatch.setattr(postgres, "CONNECT_TIMEOUT_SECONDS", 2)
    ledger = PostgresLedger(proxy.url)
    ledger.migrate()
    fund(ledger)
    yield ledger
    ledger.close()


def test_a_commit_whose_reply_was_lost_is_committed_once(proxy: PostgresProxy, proxied: PostgresLedger) -> None:
    proxy.after_commit = True
    verdicts = proxied.append([admission("r1"), admission("r2")])
    assert proxy.cuts == 1
    assert [isinstance(verdict, Committed) and verdict.repeated for verdict in verdicts] == [True, True]
    assert len(check_log(proxied)) == 4


def test_a_commit_that_never_arrived_is_made_again(proxy: PostgresProxy, proxied: PostgresLedger) -> None:
    proxy.cut_at = b"request.admitted.v1"
    verdicts = proxied.append([admission("r1"), admission("r2")])
    assert proxy.cuts == 1
    assert [isinstance(verdict, Committed) and verdict.repeated for verdict in verdicts] == [False, False]
    assert len(check_log(proxied)) == 4


def test_a_server_that_stands_still_is_unavailable(
    proxy: PostgresProxy, proxied: PostgresLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its kernel still acknowledges every byte: only a bound of our own ends the wait."""
    with monkeypatch.context() as impatient:
        impatient.setattr(postgres, "ANSWER_TIMEOUT_SECONDS", 0.5)
        proxy.stall = True
        within(BOUND_SECONDS, lambda: proxied.append([admission("r1")]))
        within(BOUND_SECONDS, proxied.head)
        proxy.stall = False
    assert isinstance(one(proxied, admission("r1")), Committed)
    assert len(check_log(proxied)) == 3


class _Forgetful:
    """A connection whose COMMIT happens and is then reported as an error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        cursor = self._connection.execute(sql, *parameters)
        if sql == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_a_commit_that_sqlite_reports_as_an_error_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = SQLiteLedger(str(tmp_path / "ledger.db"))
    ledger.migrate()
    fund(ledger)
    opening = ledger._open_writer
    monkeypatch.setattr(ledger, "_open_writer", lambda: _Forgetful(opening()))
    with pytest.raises(StoreUnavailable, match="disk I/O error"):
        ledger.append([admission("r")])
    monkeypatch.undo()
    again = one(ledger, admission("r"))
    assert isinstance(again, Committed)
    assert again.repeated
    assert len(check_log(ledger)) == 3
    ledger.close()


# Locked, down, full


def test_a_locked_store_is_unavailable_until_it_is_not(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "LOCK_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(postgres, "STATEMENT_TIMEOUT_SECONDS", 0.3)
    ledger = engine.open()
    ledger.migrate()
    fund(ledger)
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE');"
        if engine.name == "sqlite"
        else "import psycopg, sys; c = psycopg.connect(sys.argv[1]); c.execute('SELECT * FROM log_head FOR UPDATE');"
    )
    holder = other_process(
        code + "print('held', flush=True); sys.stdin.read(); c.rollback(); c.close()", engine.location
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    within(BOUND_SECONDS, lambda: ledger.append([admission("r")]))
    assert len(whole(ledger)) == 2
    holder.communicate("")
    assert isinstance(one(ledger, admission("r")), Committed)
    check_log(ledger)


def test_a_postgres_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "CONNECT_TIMEOUT_SECONDS", 1)
    ledger = PostgresLedger("postgresql://postgres@127.0.0.1:1/none")
    for act in (
        lambda: ledger.append([opened()]),
        ledger.head,
        ledger.now_micros,
        ledger.check_schema,
        lambda: ledger.renew_lease("i", 1),
        lambda: ledger.prune(minutes_before="2000-01-01T00:00"),
        lambda: ledger.bucket_values(["x"]),
    ):
        within(BOUND_SECONDS, act)
    ledger.close()


@pytest.mark.parametrize("content", [None, b"this is no database, " * 1_000])
def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ledger.db"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    ledger = SQLiteLedger(str(path))
    within(BOUND_SECONDS, lambda: ledger.append([opened()]))
    within(BOUND_SECONDS, ledger.head)
    within(BOUND_SECONDS, ledger.migrate)
    ledger.close()


def test_a_full_disk_is_unavailable_and_corrupts_nothing(tmp_path: Path) -> None:
    ledger = SQLiteLedger(str(tmp_path / "ledger.db"))
    ledger.migrate()
    fund(ledger, nanos=10**6)
    writer = ledger._open_writer()
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages + 20}")
    batches = [[admission(f"r{b}-{n}") for n in range(20)] for b in range(40)]
    verdicts: list[Verdict] = []
    with pytest.raises(StoreUnavailable, match="full"):
        verdicts.extend(verdict for batch in batches for verdict in ledger.append(batch))
    done = (ledger.head().position - 2) // 20
    assert 0 < done < len(batches)
    assert len(check_log(ledger)) == 2 + 20 * done
    verdicts = ledger.append(batches[done])
    assert all(isinstance(verdict, Committed) and not verdict.repeated for verdict in verdicts)
    check_log(ledger)
    ledger.close()
    with sqlite3.connect(ledger.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_postgres_that_was_killed_is_used_again_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "CONNECT_TIMEOUT_SECONDS", 2)
    server = start_server()
    ledger = PostgresLedger(server.get_uri())
    try:
        ledger.migrate()
        fund(ledger)
        assert ledger.head().position == 2
        postmaster = server.get_pid()
        assert postmaster is not None
        handle = os.pidfd_open(postmaster)
        os.kill(postmaster, signal.SIGQUIT)
        assert select.select([handle], [], [], 30)[0]
        os.close(handle)
        within(BOUND_SECONDS, lambda: ledger.append([admission("r")]))
        within(BOUND_SECONDS, ledger.head)
        restart(server)
        assert isinstance(once_available(lambda: one(ledger, admission("r"))), Committed)
        assert ledger.head().position == 3
        check_log(ledger)
    finally:
        ledger.close()
        server.cleanup()


def test_a_lost_connection_is_made_anew_without_a_word(postgres_url: str) -> None:
    ledger = PostgresLedger(postgres_url)
    ledger.migrate()
    fund(ledger)
    ledger.head()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert isinstance(one(ledger, admission("r")), Committed)
    assert ledger.head().position == 3
    ledger.close()


# Processes side by side

_APPENDER = """
import sys
from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger, use_wal
from tests.support.ledger.ledgers import opened
engine, location, name = sys.argv[1:]
ledger = (SQLiteLedger if engine == "sqlite" else PostgresLedger)(location)
print("ready", flush=True)
sys.stdin.read()
ledger.migrate()
for batch in range(30):
    ledger.append([opened(f"{name}-{batch}-{n}") for n in range(5)])
ledger.close()
"""


def test_processes_that_start_at_once_make_one_schema_and_one_log(engine: Engine) -> None:
    processes = [other_process(_APPENDER, engine.name, engine.location, name) for name in "abc"]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    for process in processes:
        assert process.stdout is not None
        process.stdout.close()
    ledger = engine.open()
    ledger.check_schema()
    events = check_log(ledger)
    assert len(events) == 3 * 30 * 5
    assert {event.command_id.split("-")[1] for event in events[:60]} <= set("abc")


def test_whoever_opens_a_new_database_at_the_same_moment_waits_for_the_others(tmp_path: Path) -> None:
    """SQLite itself fails at once there, in about one opening of fifteen."""

    def turned(path: Path, barrier: threading.Barrier) -> str:
        with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as connection:
            barrier.wait()
            use_wal(connection)
            mode: str = connection.execute("PRAGMA journal_mode").fetchone()[0]
            return mode

    with ThreadPoolExecutor(4) as pool:
        for number in range(60):
            barrier = threading.Barrier(4)
            openings = [pool.submit(turned, tmp_path / f"{number}.db", barrier) for _ in range(4)]
            assert [opening.result() for opening in openings] == ["wal"] * 4


def test_a_database_that_stays_locked_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.ledger.sqlite.LOCK_TIMEOUT_SECONDS", 0.05)
    path = tmp_path / "locked.db"
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        closing(sqlite3.connect(path, timeout=0)) as late,
    ):
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            use_wal(late)


# Schemas


def set_schema(engine: Engine, version: int) -> None:
    if engine.name == "postgres":
        with psycopg.connect(engine.location, autocommit=True) as connection:
            connection.execute("UPDATE schema_version SET version = %s", (version,))
        return
    shell = sqlite3.connect(engine.location, isolation_level=None)
    shell.execute(f"PRAGMA user_version = {version}")
    shell.close()


def test_a_database_without_a_schema_says_what_to_do(engine: Engine) -> None:
    with pytest.raises(SchemaMismatch, match="realrouter migrate"):
        engine.open().check_schema()
    within(BOUND_SECONDS, lambda: engine.open().append([opened()]))


def test_a_schema_of_another_version_is_refused(engine: Engine, ledger: Ledger) -> None:
    ledger.check_schema()
    set_schema(engine, 99)
    with pytest.raises(SchemaMismatch, match="newer"):
        ledger.check_schema()
    with pytest.raises(SchemaMismatch, match="newer"):
        ledger.migrate()
    set_schema(engine, 0)
    with pytest.raises(SchemaMismatch, match="realrouter migrate"):
        ledger.check_schema()


def test_a_reader_may_check_the_schema_that_may_not_write(postgres_url: str) -> None:
    ledger = PostgresLedger(postgres_url)
    ledger.migrate()
    ledger.close()
    separator = "&" if "?" in postgres_url else "?"
    reader = PostgresLedger(f"{postgres_url}{separator}options=-c%20default_transaction_read_only%3Don")
    reader.check_schema()
    assert reader.head().position == 0
    within(BOUND_SECONDS, lambda: reader.append([opened()]))
    reader.close()


# Plans


def test_appends_never_scan_a_table(postgres_url: str) -> None:
    """Statements are planned while the tables are empty, and the plans are kept."""
    ledger = PostgresLedger(postgres_url)
    ledger.migrate()
    fund(ledger, nanos=10**6)
    for number in range(20):
        ledger.append([admission(f"r{number}-{n}") for n in range(20)])
    one(ledger, granted(version=2, command_id="more"))
    ledger._open_writer().execute("SELECT pg_stat_force_next_flush()")
    ledger.close()
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute(
            "SELECT relname, seq_tup_read FROM pg_stat_user_tables "
            "WHERE relname IN ('stored_events', 'buckets', 'open_requests')"
        ).fetchall()
    assert dict(rows) == {"stored_events": 0, "buckets": 0, "open_requests": 0}
