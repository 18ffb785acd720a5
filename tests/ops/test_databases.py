"""Databases that tests give back are empty when they are lent again, and nobody holds on to them."""

from __future__ import annotations

import psycopg
import pytest

from tests.support.gateway.postgres_server import Databases

OBJECTS = """
SELECT nspname || '.' || relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
UNION SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
"""


def test_a_database_is_empty_again_and_its_old_clients_are_gone(postgres_server: str) -> None:
    databases = Databases(postgres_server)
    with databases.lend() as url:
        held = psycopg.connect(url, autocommit=True)
        held.execute("CREATE TABLE here (x int)")
        held.execute("CREATE SCHEMA elsewhere CREATE TABLE there (x int)")
    with pytest.raises(psycopg.OperationalError):
        held.execute("SELECT 1")
    held.close()
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        psycopg.connect(url)
    with databases.lend() as again, psycopg.connect(again) as connection:
        assert again == url
        assert connection.execute(OBJECTS).fetchall() == [("public",)]
        with databases.lend() as another:
            assert another != again
