"""A ledger and its read models on one engine, and a way past the store into its tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger
from app.read_models import DecodedLog, PostgresReadModels, ReadModels, SQLiteReadModels
from projections.runner import ALL, Runner
from projections.tables import Row
from tests.support.ledger.histories import Book

Ledger = SQLiteLedger | PostgresLedger


class Stage:
    """A ledger with its views on one engine. `views()` opens them as another process would."""

    def __init__(self, engine: str, place: str) -> None:
        self.engine, self.place = engine, place
        self.opened: list[Ledger | ReadModels] = []
        self.ledger: Ledger = SQLiteLedger(place) if engine == "sqlite" else PostgresLedger(place)
        self.opened.append(self.ledger)
        self.ledger.migrate()
        self.log = DecodedLog(self.ledger)
        self.book = Book(self.ledger)
        self.shown: ReadModels = self.views()

    def views(self) -> ReadModels:
        views: ReadModels = SQLiteReadModels(self.place) if self.engine == "sqlite" else PostgresReadModels(self.place)
        self.opened.append(views)
        return views

    def sql(self, *statements: str) -> None:
        """Statements past the store, as somebody with the database's password may run them."""
        if self.engine == "sqlite":
            connection = sqlite3.connect(self.place, isolation_level=None)
            for statement in statements:
                connection.execute(statement)
            connection.close()
        else:
            with psycopg.connect(self.place, autocommit=True) as postgres:
                for statement in statements:
                    postgres.execute(statement)

    def views_sql(self, statement: str, parameters: Sequence[object] = ()) -> None:
        """A statement on the tables of read models, where they are in reach by their plain names."""
        if self.engine == "sqlite":
            connection = sqlite3.connect(f"{self.place}.views", isolation_level=None)
            connection.execute(statement, parameters)
            connection.close()
        else:
            with psycopg.connect(self.place, autocommit=True, options="-c search_path=views") as postgres:
                postgres.execute(statement.replace("?", "%s"), parameters or None)

    def drop_triggers(self) -> None:
        if self.engine == "sqlite":
            self.sql("DROP TRIGGER stored_events_no_update", "DROP TRIGGER stored_events_no_delete")
        else:
            self.sql("DROP TRIGGER stored_events_no_change ON stored_events")

    def close(self) -> None:
        for opened in reversed(self.opened):
            opened.close()


ENGINES = ("sqlite", "postgres")


@contextmanager
def staged(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """For a fixture that is parametrised by ENGINES."""
    place = str(tmp_path / "ledger.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    stage = Stage(request.param, place)
    try:
        yield stage
    finally:
        stage.close()


def contents(views: ReadModels) -> dict[str, list[Row]]:
    """Every row of every projection."""
    with views.snapshot() as snapshot:
        return {table.name: list(snapshot.rows(table)) for item in ALL for table in item.tables}


def drain(runner: Runner) -> int:
    runner.prepare()
    total = 0
    while done := runner.step():
        total += done
    return total


def positions(views: ReadModels) -> set[int]:
    return {at.position for at in views.tracked().values()}
