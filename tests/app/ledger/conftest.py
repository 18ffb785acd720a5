"""Both engines, each with a fresh, migrated database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.ledger.codec import Codec
from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import Ledger
from tests.support.ledger.ledgers import Engine


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine over a database of its own that holds nothing yet, not even a schema."""
    opening: Callable[[Codec | None], Ledger]
    if request.param == "sqlite":
        location = str(tmp_path / "ledger.db")
        opening = lambda codec: SQLiteLedger(location, codec=codec)  # noqa: E731 - two ways to open, one line each
    else:
        location = request.getfixturevalue("postgres_url")
        opening = lambda codec: PostgresLedger(location, codec=codec)  # noqa: E731
    with ExitStack() as stack:

        def tracked(codec: Codec | None = None) -> Ledger:
            ledger = opening(codec)
            stack.callback(ledger.close)
            return ledger

        yield Engine(request.param, location, tracked)


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    """A migrated, empty ledger."""
    ledger = engine.open()
    ledger.migrate()
    return ledger
