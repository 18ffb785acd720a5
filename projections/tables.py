"""What a read model's table is, written down once; each engine makes its own statements of it.

Rule 1: a column is text or a whole number. Amounts are nanos, instants are micros; JSON is text.
Rule 2: a row is a tuple in the order of the columns, its key the leading columns: the order in which engines keep rows.
Rule 3: a change is rows that are new, rows that replace those of the same key, or rows whose numbers are added to those of
the same key. Within one change a key stands once, except in an insert, where no key was there before.
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
    """`key`: how many leading columns identify a row. `indexes`: columns of further indexes."""

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
    """Rows for a table, and how they go in."""

    table: Table
    how: Literal["insert", "put", "add"]
    rows: Sequence[Row]


def text(name: str, *, nullable: bool = False) -> Column:
    return Column(name, "text", nullable)


def integer(name: str, *, nullable: bool = False) -> Column:
    return Column(name, "int", nullable)


def fingerprint(parts: Iterable[object]) -> str:
    """A short name for exactly these definitions; another definition has another."""
    return hashlib.sha256("\n".join(repr(part) for part in parts).encode()).hexdigest()[:16]
