"""Fixtures for every test: Hypothesis's profile, a real PostgreSQL, and a watchdog over the processes that tests start.

Rule 1: a run is repeatable: Hypothesis draws the same examples every time. A `long` test may choose to draw new ones.
Rule 2: a test that takes `postgres_url` has an empty database to itself.
Rule 3: no test stops or kills the shared server. A test that needs a crash starts its own server.
Rule 4: nothing that a test starts outlives the pytest process that runs it (tests/support/gateway/watchdog.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.support import scratch
from tests.support.gateway.postgres_server import Databases, discard, start_server
from tests.support.gateway.watchdog import Watchdog

# A busy machine must not fail a test: neither a deadline per example nor slow drawing does.
_PATIENT = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", _PATIENT, derandomize=True, database=None)
settings.load_profile("ci")

_WATCHDOG = pytest.StashKey[Watchdog]()


def pytest_configure(config: pytest.Config) -> None:
    scratch.root()
    config.stash[_WATCHDOG] = Watchdog.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_WATCHDOG].stop()


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that measure coverage. The property tests of `app/wire` do not: tracing makes them twice as slow, and the
    examples cover every line."""
    for item in items:
        properties = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if item.nodeid.startswith("tests/domain/") or (item.nodeid.startswith("tests/app/wire/") and not properties):
            item.add_marker("traced")


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """Logging is global to the process: restore it after a test that configures it."""
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
    """The URL of the maintenance database of this process's PostgreSQL (one per xdist worker, started in a second)."""
    server = start_server()
    try:
        yield str(server.get_uri())
    finally:
        discard(server)


@pytest.fixture(scope="session")
def databases(postgres_server: str) -> Databases:
    return Databases(postgres_server)


@pytest.fixture
def postgres_url(databases: Databases) -> Iterator[str]:
    """The URL of an empty database. Clients that are still connected when the test ends are disconnected."""
    with databases.lend() as url:
        yield url
