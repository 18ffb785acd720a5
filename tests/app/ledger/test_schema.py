"""The schema: it is made once, and the database itself refuses to change or delete an event."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.ledger.schema.migrations import SCHEMA_VERSION
from app.ledger.store import (
    Ledger,
)
from tests.support.ledger.ledgers import (
    Engine,
    check_log,
    fund,
    opened,
    whole,
)

# What is in the log never changes


FORBIDDEN = {
    "sqlite": [
        "INSERT OR REPLACE INTO stored_events SELECT * FROM stored_events",
        "INSERT OR REPLACE INTO stored_events VALUES (3, 'account:a', 1, 'x', x'', 'x', 0)",
        "INSERT INTO stored_events VALUES (9, 'account:z', 1, 'x', x'', 'x', 0)",
    ],
    "postgres": [
        "TRUNCATE stored_events",
        "INSERT INTO stored_events TABLE stored_events ON CONFLICT (notification_id) DO UPDATE SET topic = 'x'",
    ],
}


def test_the_database_refuses_to_change_or_delete_events(engine: Engine, ledger: Ledger) -> None:
    ledger.append([opened("a"), opened("b")])
    before = whole(ledger)
    for statement in (
        "UPDATE stored_events SET command_id = 'x'",
        "DELETE FROM stored_events",
        "DELETE FROM stored_events WHERE notification_id = 1",
        *FORBIDDEN[engine.name],
    ):
        with pytest.raises(database_error(engine)):
            execute(engine, statement)
        assert whole(ledger) == before, statement


def database_error(engine: Engine) -> type[Exception]:
    import sqlite3

    import psycopg

    return sqlite3.IntegrityError if engine.name == "sqlite" else psycopg.errors.RaiseException


def execute(engine: Engine, statement: str) -> None:
    """One statement by someone with the database open in a shell."""
    import sqlite3

    import psycopg

    if engine.name == "postgres":
        with psycopg.connect(engine.location, autocommit=True) as connection:
            connection.execute(statement.encode())
        return
    shell = sqlite3.connect(engine.location, isolation_level=None)
    try:
        shell.execute(statement)
    finally:
        shell.close()


# Schema


def test_a_schema_is_made_once_by_many_at_once(engine: Engine) -> None:
    ledgers = [engine.open() for _ in range(4)]
    start = threading.Barrier(4)

    def migrate(ledger: Ledger) -> int:
        start.wait()
        return ledger.migrate()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(migrate, ledgers)) == [SCHEMA_VERSION] * 4
    for ledger in ledgers:
        ledger.check_schema()
    fund(ledgers[0])
    assert ledgers[1].migrate() == SCHEMA_VERSION
    check_log(ledgers[2])
