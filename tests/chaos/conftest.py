"""Houses for chaos: a ledger on either engine, or on a PostgreSQL of its own that a test may kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway.processes import House, Postgres, config, house

Build = Callable[..., House]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Makes a house over a store: build(url, upstream=..., limits=..., billing=...)."""
    with ExitStack() as stack:

        def made(store_url: str, **settings: Any) -> House:
            opened: AbstractContextManager[House] = house(tmp_path, config(store_url, **settings))
            return stack.enter_context(opened)

        yield made


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    """A PostgreSQL that the tests of a module kill and start as they please."""
    server = Postgres()
    try:
        yield server
    finally:
        server.close()
