"""The numbered scripts that create and change each engine's schema. A script is applied once and never edited afterwards."""

from __future__ import annotations

from importlib import resources

from app.ledger.store import SchemaMismatch

SCHEMA_VERSION = 5


def scripts(engine: str) -> list[tuple[int, str]]:
    """(version, SQL) of every script, in order."""
    folder = resources.files("app.ledger.schema").joinpath(engine)
    found = [
        (int(file.name.partition("_")[0]), file.read_text()) for file in folder.iterdir() if file.name.endswith(".sql")
    ]
    return sorted(found)


def mismatch(version: int) -> SchemaMismatch | None:
    """The error for a database with this schema version, or None if it is the right one."""
    if version == SCHEMA_VERSION:
        return None
    if version < SCHEMA_VERSION:
        return SchemaMismatch(
            f"The database has schema {version}, but this version needs {SCHEMA_VERSION}: run `realrouter migrate`."
        )
    return SchemaMismatch(
        f"The database has schema {version}, newer than this version's {SCHEMA_VERSION}: update Realrouter."
    )
