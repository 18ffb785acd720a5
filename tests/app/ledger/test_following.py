"""A plain `eventsourcing` application reads and follows the log as ops/reading-the-log.md shows, and cannot append to it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from eventsourcing.application import Application, ProcessingEvent
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import NotSupportedError, PersistenceError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore
from eventsourcing.system import NotificationLogReader, ProcessApplication
from eventsourcing.utils import clear_topic_cache
from psycopg.conninfo import conninfo_to_dict

from app.ledger import following
from app.ledger.following import LedgerEvent, LedgerMapper
from app.ledger.store import Ledger
from domain.events import (
    AccountOpened,
    AdjustmentPosted,
    RequestAdmitted,
    RequestDebited,
    UnknownEvent,
)
from tests.support.docs.documents import Document
from tests.support.ledger.ledgers import Engine, admission, admitted, debit, fund, one

PAGE = Document("ops/reading-the-log.md")
SQLITE_CODE, POSTGRES_CODE, PROJECTION_CODE = PAGE.fences("python")
ROLE = "ledger_reader"


@pytest.fixture
def reader_env(engine: Engine, ledger: Ledger) -> Iterator[dict[str, str]]:
    """What connects a reader to the ledger: the file opened read-only, or the role that the page creates."""
    if engine.name == "sqlite":
        yield {"SQLITE_DBNAME": f"file:{engine.location}?mode=ro"}
        return
    role = f"{ROLE}_{secrets.token_hex(4)}"  # roles are the whole server's
    parameters = conninfo_to_dict(engine.location)
    with psycopg.connect(engine.location, autocommit=True) as owner:
        [sql] = PAGE.fences("sql")
        owner.execute(sql.replace(ROLE, role))
        try:
            yield {
                "POSTGRES_HOST": str(parameters["host"]),
                "POSTGRES_PORT": str(parameters.get("port") or ""),
                "POSTGRES_DBNAME": str(parameters["dbname"]),
                "POSTGRES_USER": role,
                "POSTGRES_PASSWORD": "change me",
            }
        finally:
            owner.execute(f"DROP OWNED BY {role}")
            owner.execute(f"DROP ROLE {role}")


@pytest.fixture
def page(engine: Engine) -> Iterator[dict[str, Any]]:
    """The names that the page's code defines for this engine."""
    names: dict[str, Any] = {"__name__": "page"}
    exec(SQLITE_CODE if engine.name == "sqlite" else POSTGRES_CODE, names)
    exec(PROJECTION_CODE, names)
    yield names
    clear_topic_cache()


@pytest.fixture
def reader(page: dict[str, Any], reader_env: dict[str, str]) -> Iterator[Application[str]]:
    with page["Ledger"](reader_env) as application:
        yield application


def spend(ledger: Ledger, request_id: str, nanos: int = 4) -> None:
    append = admission(request_id)
    one(ledger, debit(admitted(append, one(ledger, append)), nanos))


def test_the_notification_log_is_the_log_in_order(ledger: Ledger, reader: Application[str]) -> None:
    assert reader.recorder.max_notification_id() is None
    fund(ledger)
    for number in range(10):
        spend(ledger, f"r{number}")
    log = NotificationLogReader(reader.notification_log, section_size=7)
    notifications = list(log.read(start=1))
    assert [notification.id for notification in notifications] == list(range(1, 23))
    assert [event.state for event in ledger.read(0, 100)] == [notification.state for notification in notifications]
    pages = list(log.select(start=1, stop=20, topics=["request.debited.v1"], inclusive_of_start=False))
    assert [[notification.id for notification in page] for page in pages] == [[4, 6, 8, 10, 12, 14, 16], [18, 20]]
    assert reader.recorder.max_notification_id() == 22


def test_the_mapper_gives_the_domains_events(ledger: Ledger, reader: Application[str]) -> None:
    fund(ledger)
    spend(ledger, "r1", 3)
    decoded: list[Any] = [reader.mapper.to_domain_event(each) for each in reader.recorder.select_notifications(1, 10)]
    assert [type(each.event) for each in decoded] == [AccountOpened, AdjustmentPosted, RequestAdmitted, RequestDebited]
    assert [(each.originator_id, each.originator_version) for each in decoded[1:3]] == [
        ("account:a", 2),
        ("request:r1", 1),
    ]
    assert decoded[3].event.cost_nanos == 3
    assert [each.recorded_at_micros for each in decoded] == [each.recorded_at_micros for each in ledger.read(0, 10)]
    stream: list[Any] = list(reader.events.get("request:r1"))
    assert [each.event for each in stream] == [each.event for each in decoded[2:]]
    assert {each.recorded_at_micros for each in stream} == {None}


def test_a_topic_of_a_newer_version_is_an_unknown_event() -> None:
    mapper = LedgerMapper(None)  # type: ignore[arg-type]  # only events of the library's own need a transcoder
    logged = mapper.to_domain_event(StoredEvent("request:r", 1, "request.teleported.v9", b"{}"))
    assert logged == LedgerEvent("request:r", 1, UnknownEvent("request.teleported.v9", b"{}"), None)


# Following


class Till(Aggregate):
    """What one account has spent, as an aggregate of the follower's own."""

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self.nanos = 0

    @event("Charged")
    def charge(self, nanos: int) -> None:
        self.nanos += nanos


class Bookkeeping(ProcessApplication[Any]):
    """Follows the ledger with a policy, and records aggregates of its own with their tracking."""

    env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "MAPPER_TOPIC": "app.ledger.following:LedgerMapper"}  # noqa: RUF012

    def policy(self, domain_event: Any, processing_event: ProcessingEvent[Any]) -> None:
        match domain_event.event:
            case AccountOpened(account_id=account_id):
                till = Till(account_id)
                self.tills[account_id] = till.id
                processing_event.collect_events(till)
            case RequestDebited(account_id=account_id, cost_nanos=nanos):
                till = self.repository.get(self.tills[account_id])
                till.charge(nanos)
                processing_event.collect_events(till)
            case _:
                pass

    def spent(self, account_id: str) -> int:
        return self.repository.get(self.tills[account_id]).nanos

    tills: dict[str, Any] = {}  # noqa: RUF012 - replaced for each test


def test_a_process_application_pulls_and_resumes_where_it_stopped(
    ledger: Ledger, reader: Application[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bookkeeping, "tills", {})
    own = {"SQLITE_DBNAME": str(tmp_path / "own.db")}
    fund(ledger)
    spend(ledger, "r1", 4)
    with Bookkeeping(own) as books:
        books.follow("ledger", reader.notification_log)
        books.pull_and_process("ledger")
        assert books.spent("a") == 4
        assert books.recorder.max_tracking_id("ledger") == 4
    spend(ledger, "r2", 5)
    with Bookkeeping(own) as books:
        books.follow("ledger", reader.notification_log)
        for _ in range(2):
            books.pull_and_process("ledger")
        assert books.spent("a") == 9
        assert books.recorder.max_tracking_id("ledger") == 6


def test_a_projection_runner_follows_what_the_gateway_appends(
    ledger: Ledger,
    page: dict[str, Any],
    reader_env: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "POLL_SECONDS", 0.01)
    env = {
        **reader_env,
        "SPENDING_PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SPENDING_SQLITE_DBNAME": str(tmp_path / "spending.db"),
    }
    fund(ledger)
    spend(ledger, "r1", 4)
    with page["follow"](env) as runner:
        runner.wait(4, timeout=20)
        spend(ledger, "r2", 5)
        runner.wait(6, timeout=20)
        assert runner.projection.view.spent("a") == 9
    spend(ledger, "r3", 6)
    with page["follow"](env) as runner:
        runner.wait(8, timeout=20)
        assert runner.projection.view.spent("a") == 15


# Nothing is appended


def stock_recorder(engine: Engine, env: dict[str, str]) -> SQLiteApplicationRecorder | PostgresApplicationRecorder:
    """The library's own recorder on the reader's connection, which knows nothing of our rules."""
    if engine.name == "sqlite":
        return SQLiteApplicationRecorder(SQLiteDatastore(env["SQLITE_DBNAME"], originator_id_type="text"))
    datastore = PostgresDatastore(
        *(env[f"POSTGRES_{name}"] for name in ("DBNAME", "HOST", "PORT", "USER", "PASSWORD")), originator_id_type="text"
    )
    return PostgresApplicationRecorder(datastore)


def write(engine: Engine, env: dict[str, str], sql: str) -> None:
    recorder = stock_recorder(engine, env)
    try:
        with recorder.datastore.transaction(commit=True) as cursor:
            cursor.execute(sql)
    finally:
        recorder.datastore.close()


INSERT = "INSERT INTO stored_events VALUES (3, 'account:x', 1, 'account.opened.v1', '{}', 'c', 1)"


@pytest.mark.parametrize("sql", [INSERT, "UPDATE stored_events SET topic = 'x'", "DELETE FROM stored_events"])
def test_the_database_refuses_to_write_for_a_reader(
    engine: Engine, ledger: Ledger, reader_env: dict[str, str], sql: str
) -> None:
    fund(ledger)
    with pytest.raises(PersistenceError, match=r"readonly database|read-only transaction"):
        write(engine, reader_env, sql)
    assert ledger.head().position == 2


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
@pytest.mark.parametrize("table", ["buckets", "people", "sessions"])
def test_the_role_reads_the_log_and_nothing_else(
    engine: Engine, ledger: Ledger, reader_env: dict[str, str], table: str
) -> None:
    for sql in (f"SELECT * FROM {table}", f"SET TRANSACTION READ WRITE; {INSERT}"):
        with pytest.raises(PersistenceError, match="permission denied"):
            write(engine, reader_env, sql)


def test_the_recorder_refuses_to_append(ledger: Ledger, reader: Application[str]) -> None:
    fund(ledger)
    [stored] = reader.recorder.select_events("account:a", limit=1)
    with pytest.raises(NotSupportedError):
        reader.recorder.insert_events([stored])
    with pytest.raises(NotSupportedError):
        reader.save(Till("a"))  # type: ignore[arg-type]
    assert ledger.head().position == 2
