"""A whole ledger moves from SQLite to PostgreSQL and stays what it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.ledger import copy as copying
from app.ledger.copy import CopyMismatch, CopyRefused, CopyReport, copy
from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import Committed, Head, SchemaMismatch, StoreUnavailable
from tests.support.ledger.ledgers import admission, admitted, check_log, debit, fund, one, opened, whole


def silent(done: int, total: int) -> None:
    """Nobody watches."""


@pytest.fixture
def source(tmp_path: Path) -> Iterator[SQLiteLedger]:
    ledger = SQLiteLedger(str(tmp_path / "source.db"))
    ledger.migrate()
    fund(ledger, nanos=1_000)
    for number in range(30):
        request = admission(f"r{number}", key_id=f"k{number % 3}")
        hold = admitted(request, one(ledger, request))
        if number % 3:
            one(ledger, debit(hold))
    yield ledger
    ledger.close()


@pytest.fixture
def target(postgres_url: str) -> Iterator[PostgresLedger]:
    ledger = PostgresLedger(postgres_url)
    ledger.migrate()
    yield ledger
    ledger.close()


def is_empty(ledger: PostgresLedger) -> bool:
    return (
        ledger.head() == Head(0, 0)
        and not whole(ledger)
        and not dict(ledger.buckets())
        and not ledger.open_requests()
        and not any(ledger.select(f"SELECT 1 FROM {table}") for table in (*COPIED, *LEFT_BEHIND))
    )


Rows = dict[str, list[tuple[Any, ...]]]
COPIED: Rows = {
    "people": [("acct_1", "ada@example.com", "a hash", "Ünïcode", 3, 1), ("acct_2", "bob@example.com", None, "", 1, 2)],
    "payment_inbox": [
        ("evt_1", "checkout.session.completed", b'{"\x00": "\xff"}', 1, 2, 0, None, None),
        ("evt_2", "charge.refunded", b"", 2, 3, 7, 9, "credited"),
    ],
    "checkout_sessions": [("chk_1", "cs_1", 2**62)],
    "automatic_top_ups": [
        ("acct_1", 1, "starter", 10**18, 2 * 10**18, "cus_1", "pm_1", 4, "armed", "the card was declined"),
        ("acct_2", 0, "starter", 0, 0, None, None, 0, "armed", None),
    ],
}
"""Rows of the tables beside the events, by table."""
LEFT_BEHIND: Rows = {
    "sessions": [("digest", "acct_1", 1, 2**62)],
    "throttles": [("digest", 2**62, 3)],
}


def put_beside(ledger: SQLiteLedger, tables: Rows) -> None:
    for table, rows in tables.items():
        for row in rows:
            ledger.change((f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row))


def test_people_and_what_payments_keep_are_copied_and_sessions_end(
    source: SQLiteLedger, target: PostgresLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "ROWS_PER_PAGE", 1)
    put_beside(source, {**COPIED, **LEFT_BEHIND})
    report = copy(source, target, silent)
    for table, rows in COPIED.items():
        found = target.select(f"SELECT * FROM {table} ORDER BY 1")
        assert found == source.select(f"SELECT * FROM {table} ORDER BY 1") == rows
    for table in LEFT_BEHIND:
        assert not target.select(f"SELECT * FROM {table}")
    assert (report.events, report.people, report.payment_rows) == (52, 2, 5)


@pytest.mark.parametrize("table", COPIED)
def test_a_target_that_holds_a_row_beside_its_events_is_refused(
    source: SQLiteLedger, target: PostgresLedger, table: str
) -> None:
    row = COPIED[table][0]
    target.change((f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row))
    with pytest.raises(CopyRefused, match="not empty"):
        copy(source, target, silent)
    assert target.head() == Head(0, 0)


def test_a_person_that_the_target_stored_otherwise_is_found_out(source: SQLiteLedger, target: PostgresLedger) -> None:
    put_beside(source, COPIED)
    with psycopg.connect(target.url, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION tamper() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN NEW.email := 'eve@example.com' || NEW.account_id; RETURN NEW; END$$"
        )
        connection.execute("CREATE TRIGGER tamper BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION tamper()")
    with pytest.raises(CopyMismatch, match="rows differ"):
        copy(source, target, silent)
    assert is_empty(target)


def test_everything_is_copied_as_it_was(
    source: SQLiteLedger, target: PostgresLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "EVENTS_PER_PAGE", 7)
    steps: list[tuple[int, int]] = []
    report = copy(source, target, lambda done, total: steps.append((done, total)))
    assert whole(target) == whole(source)
    assert dict(target.buckets()) == dict(source.buckets())
    assert target.open_requests() == source.open_requests()
    assert target.head() == source.head()
    check_log(target)
    assert len(report.sha256) == 64
    assert report == CopyReport(52, len(dict(source.buckets())), 10, 52, report.sha256)
    assert steps == [(min(done, 52), 52) for done in range(7, 59, 7)]


def test_life_goes_on_in_the_copy(source: SQLiteLedger, target: PostgresLedger) -> None:
    request = admission("late")
    hold = admitted(request, one(source, request))
    copy(source, target, silent)
    again = one(target, request)
    assert isinstance(again, Committed)
    assert again.repeated
    settled = one(target, debit(hold))
    assert isinstance(settled, Committed)
    assert settled.position == 54
    check_log(target)


def test_an_empty_ledger_is_copied_too(tmp_path: Path, target: PostgresLedger) -> None:
    empty = SQLiteLedger(str(tmp_path / "empty.db"))
    empty.migrate()
    assert copy(empty, target, silent).events == 0
    empty.close()
    assert is_empty(target)


def test_a_target_that_holds_anything_is_refused(source: SQLiteLedger, target: PostgresLedger) -> None:
    one(target, opened())
    with pytest.raises(CopyRefused, match="not empty"):
        copy(source, target, silent)
    assert len(check_log(target)) == 1


def test_a_target_without_a_schema_is_refused(source: SQLiteLedger, postgres_url: str) -> None:
    target = PostgresLedger(postgres_url)
    with pytest.raises(SchemaMismatch):
        copy(source, target, silent)
    target.close()


def test_a_running_server_is_refused_unless_told(source: SQLiteLedger, target: PostgresLedger) -> None:
    source.renew_lease("gateway-1", 60)
    with pytest.raises(CopyRefused, match="gateway-1"):
        copy(source, target, silent)
    assert is_empty(target)
    assert copy(source, target, silent, though_running=True).events == 52


def test_a_lease_that_is_over_is_no_running_server(source: SQLiteLedger, target: PostgresLedger) -> None:
    source.renew_lease("gateway-1", 60)
    source.end_lease("gateway-1")
    assert source.live_instances() == []
    assert copy(source, target, silent).events == 52


def test_a_source_that_moved_on_meanwhile_is_refused(source: SQLiteLedger, target: PostgresLedger) -> None:
    def write_late(done: int, total: int) -> None:
        assert isinstance(one(source, opened("late")), Committed)

    with pytest.raises(CopyRefused, match="has grown"):
        copy(source, target, write_late, though_running=True)
    assert is_empty(target)


def test_a_copy_that_breaks_off_leaves_nothing_and_may_start_again(
    source: SQLiteLedger, target: PostgresLedger
) -> None:
    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(source, target, interrupted)
    assert is_empty(target)
    assert copy(source, target, silent).events == 52


def test_a_target_that_stored_something_else_is_found_out(source: SQLiteLedger, target: PostgresLedger) -> None:
    """A trigger on the target changes one byte of one state."""
    with psycopg.connect(target.url, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION tamper() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN IF NEW.notification_id = 9 THEN NEW.state := set_byte(NEW.state, 3, 33); END IF; RETURN NEW; END$$"
        )
        connection.execute(
            "CREATE TRIGGER tamper BEFORE INSERT ON stored_events FOR EACH ROW EXECUTE FUNCTION tamper()"
        )
    with pytest.raises(CopyMismatch, match="rows differ"):
        copy(source, target, silent)
    assert is_empty(target)


def test_a_target_that_goes_away_is_unavailable(source: SQLiteLedger, target: PostgresLedger) -> None:
    def cut(done: int, total: int) -> None:
        with psycopg.connect(target.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    with pytest.raises(StoreUnavailable):
        copy(source, target, cut)
    assert is_empty(target)


def test_every_table_is_copied_or_left_behind_on_purpose(source: SQLiteLedger) -> None:
    tables = {str(name) for (name,) in source.select("SELECT name FROM sqlite_master WHERE type = 'table'")}
    copied = {table.name for table in copying._TABLES}
    left = {"log_head", "instances", "sessions", "sign_in_links", "throttles", "chores", "simulated_payments"}
    left |= {"log_trees", "log_tiles", "log_checkpoints"}
    assert {name for name in tables if not name.startswith("sqlite_")} == copied | left
    for table in copying._TABLES:
        assert list(table.types) == [row[1] for row in source.select(f"PRAGMA table_info({table.name})")]
