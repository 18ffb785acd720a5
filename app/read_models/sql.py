"""The SQL statements of both engines, generated from table definitions.

Rule 1: names come from definitions in the code; values are always parameters.
Rule 2: a table and its indexes are created under names with a suffix, so that a new one can be built next to the live one.
Renaming a table keeps the names of its indexes, to which nothing refers.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.events import EVENTS
from projections.contract import Projection
from projections.tables import Column, Row, Table, fingerprint

SQLITE_TYPES = {"text": "TEXT", "int": "INTEGER"}
POSTGRES_TYPES = {"text": 'text COLLATE "C"', "int": "bigint"}
ARRAY_TYPES = {"text": "text[]", "int": "bigint[]"}
TRACKING = (
    "CREATE TABLE {views}tracking (application_name TEXT PRIMARY KEY, notification_id BIGINT NOT NULL, "
    "recorded_at_micros BIGINT NOT NULL, error TEXT)"
)
"""The first two columns match `eventsourcing`'s single-row tracking, so that its recorders can read the table. Its own
`_insert_tracking` is not used: it moves a row forward from any position, but a batch must lock the row while it reads the log,
and move it from exactly the position that it read."""
META = (
    "CREATE TABLE {views}meta (one INTEGER PRIMARY KEY CHECK (one = 1), fingerprint TEXT NOT NULL, log TEXT NOT NULL)"
)


def definition(projections: Sequence[Projection]) -> str:
    """A fingerprint of these projections and the known events. With another fingerprint, existing rows are useless. It includes
    the known topics, because read models have skipped events of topics that were unknown so far."""
    parts: list[object] = [(item.name, item.version, item.tables) for item in projections]
    return fingerprint([*parts, TRACKING, META, sorted(event.TOPIC for event in EVENTS)])


def live(table: Table, rebuild: str | None = None) -> str:
    """The name of the live table, or of the one that a rebuild fills."""
    return table.name if rebuild is None else f"{table.name}__{rebuild}"


def tracked(name: str, rebuild: str | None = None) -> str:
    return name if rebuild is None else f"{name}~{rebuild}"


def create(table: Table, name: str, suffix: str, *, schema: str, types: dict[str, str], tail: str) -> list[str]:
    """The statements that create a table and its indexes."""
    columns = ", ".join(
        f"{column.name} {types[column.kind]}{'' if column.nullable else ' NOT NULL'}" for column in table.columns
    )
    key = ", ".join(column.name for column in table.key_columns)
    constraint = f"CONSTRAINT {table.name}_{suffix}_key PRIMARY KEY ({key})"
    return [f"CREATE TABLE {schema}{name} ({columns}, {constraint}){tail}"] + [
        f"CREATE INDEX {table.name}_{suffix}_{number} ON {schema}{name} ({', '.join(index)})"
        for number, index in enumerate(table.indexes)
    ]


def on_conflict(table: Table, how: str) -> str:
    """The clause of an insert for rows whose key exists."""
    if how == "insert":
        return ""
    key = ", ".join(column.name for column in table.key_columns)
    added = "t.{0} + excluded.{0}" if how == "add" else "excluded.{0}"
    values = ", ".join(f"{column.name} = {added.format(column.name)}" for column in table.value_columns)
    return f" ON CONFLICT ({key}) DO UPDATE SET {values}"


def sqlite_write(table: Table, name: str, how: str) -> str:
    marks = ", ".join("?" * len(table.columns))
    # `AS t` also tells SQLite's parser that ON CONFLICT is not a join condition.
    return f"INSERT INTO {name} AS t VALUES ({marks}){on_conflict(table, how)}"  # noqa: S608 - names of definitions


def sqlite_read(table: Table, name: str) -> str:
    condition = " AND ".join(f"{column.name} = ?" for column in table.key_columns)
    return f"SELECT * FROM {name} WHERE {condition}"  # noqa: S608 - names of definitions


def postgres_copy(table: Table, name: str) -> str:
    return f"COPY {name} ({', '.join(table.names)}) FROM STDIN (FORMAT BINARY)"


def postgres_write(table: Table, name: str, how: str) -> str:
    return (
        f"INSERT INTO {name} AS t SELECT * FROM unnest({_arrays(table.columns)})"  # noqa: S608 - names of definitions
        f"{on_conflict(table, how)}"
    )


def postgres_read(table: Table, name: str) -> str:
    keys = ", ".join(column.name for column in table.key_columns)
    columns = ", ".join(f"t.{column.name}" for column in table.columns)
    return (
        f"SELECT {columns} FROM unnest({_arrays(table.key_columns)}) AS k ({keys}) "  # noqa: S608 - names of definitions
        f"JOIN {name} AS t USING ({keys})"
    )


def all_rows(table: Table, *, owned: bool) -> str:
    """Selects every row, or those with one value in the first column, in key order."""
    keys = ", ".join(column.name for column in table.key_columns)
    where = f" WHERE {table.names[0]} = ?" if owned else ""
    return f"SELECT * FROM views.{table.name}{where} ORDER BY {keys}"  # noqa: S608 - names of definitions


def columns_of(rows: Sequence[Row]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _arrays(columns: tuple[Column, ...]) -> str:
    return ", ".join(f"%b::{ARRAY_TYPES[column.kind]}" for column in columns)
