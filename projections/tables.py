"""The definition of a read model's table, from which each engine generates its own statements.

Rule 1: a column is text or a whole number. Amounts are nanos, instants are micros; JSON is text.
Rule 2: a row is a tuple in column order. Its key is the leading columns, by which engines sort rows.
Rule 3: a change inserts new rows, replaces rows with the same key, or adds its numbers to rows with the same key. A key occurs once
in a change; inserts contain only keys that did not exist.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Row = tuple[Any, ...]
Key = tuple[str | int, ...]
Kind = Literal["text", "int"]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """`key`: the number of leading columns that identify a row. `indexes`: the columns of further indexes."""

    name: str
    key: int
    columns: tuple[Column, ...]
    indexes: tuple[tuple[str, ...], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def key_columns(self) -> tuple[Column, ...]:
        return self.columns[: self.key]

    @property
    def value_columns(self) -> tuple[Column, ...]:
        return self.columns[self.key :]


@dataclass(frozen=True, slots=True)
class Change:
    """Rows for a table, and how they are written."""

    table: Table
    how: Literal["insert", "put", "add"]
    rows: Sequence[Row]


def text(name: str, *, nullable: bool = False) -> Column:
    return Column(name, "text", nullable)


def integer(name: str, *, nullable: bool = False) -> Column:
    return Column(name, "int", nullable)


def fingerprint(parts: Iterable[object]) -> str:
    """A short name that is unique to these definitions."""
    return hashlib.sha256("\n".join(repr(part) for part in parts).encode()).hexdigest()[:16]
