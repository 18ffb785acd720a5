"""The SQL of a statement: which rows of `transactions` are wanted, in words that both engines take.

Rule 1: positions come first, at most as many as are shown: so both engines read them from an index, and look up no other row,
whatever they think of how many rows there are.
Rule 2: what somebody asks for is always a parameter; the words are our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NAMED_MAX = 200
"""So many rows that one name is of are looked at, where something else is wanted of them, too."""
NAMES = ("id", "response_id", "reference")
"""By what a row of a statement is known: its own id, that of the answer, and what it refers to."""
Clause = tuple[str, list[Any]]
"""Words of SQL, and what stands for their marks."""
_BALANCE_AFTER = (
    "SELECT b.available_nanos + b.held_nanos FROM views.balances AS b "
    "WHERE b.account_id = t.account_id AND b.position = t.position"
)


@dataclass(frozen=True, slots=True)
class Filter:
    """What is wanted of a statement; what is not given is not asked for. Instants: from the first to before the second."""

    kinds: tuple[str, ...] = ()
    name: str | None = None
    """One of NAMES has it."""
    key_id: str | None = None
    model: str | None = None
    from_micros: int | None = None
    to_micros: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Positions: before the first, behind the second, up to the third; None for no bound."""

    before: int | None = None
    after: int | None = None
    until: int | None = None


def statement_query(account_id: str, wanted: Filter, span: Span, most: int) -> tuple[str, tuple[Any, ...]]:
    """Rows of `transactions`, the newest first, each with the balance after it; and what stands for the marks."""
    bounds = _bounds(span)
    by_name = wanted.name is not None
    positions, of_positions = (_of_name if by_name else _of_kinds)(account_id, wanted, bounds, most)
    sql = (
        f"SELECT t.*, ({_BALANCE_AFTER}) AS balance_after FROM ({positions}) AS p "  # noqa: S608 - our words
        "JOIN views.transactions AS t ON t.account_id = ? AND t.position = p.position ORDER BY t.position DESC"
    )
    if not by_name:
        return sql, (*of_positions, account_id)
    where, of_where = _where(wanted)
    # The inner LIMIT keeps what else is wanted out of the search, where an engine might begin with it.
    found = f"SELECT * FROM ({sql} LIMIT ?) AS found {where}ORDER BY position DESC LIMIT ?"  # noqa: S608
    return found, (*of_positions, account_id, len(NAMES) * max(most, NAMED_MAX), *of_where, most)


def _of_kinds(account_id: str, wanted: Filter, bounds: Clause, most: int) -> Clause:
    """Of each kind by itself."""
    equal, values = _equal(("key_id", wanted.key_id), ("model", wanted.model))
    parts: list[str] = []
    parameters: list[Any] = []
    for kind in dict.fromkeys(wanted.kinds) or (None,):
        of_kind, one = _equal(("kind", kind))
        parts.append(_newest(f"{of_kind}{equal}{bounds[0]}", len(parts)))
        parameters += [account_id, *one, *values, *bounds[1], most]
    every = f"SELECT position FROM ({' UNION ALL '.join(parts)}) AS every ORDER BY position DESC LIMIT ?"  # noqa: S608
    return every, [*parameters, most]


def _of_name(account_id: str, wanted: Filter, bounds: Clause, most: int) -> Clause:
    """By each of its names by itself; who has two of them is one row. A name is of a few rows, so what else is wanted of them is
    looked at afterwards."""
    parts = [_newest(f"AND {column} = ? {bounds[0]}", number) for number, column in enumerate(NAMES)]
    return " UNION ".join(parts), [account_id, wanted.name, *bounds[1], max(most, NAMED_MAX)] * len(NAMES)


def _newest(clauses: str, number: int) -> str:
    one = f"SELECT position FROM views.transactions WHERE account_id = ? {clauses}"  # noqa: S608 - our words
    return f"SELECT position FROM ({one}ORDER BY position DESC LIMIT ?) AS k{number}"  # noqa: S608


def _where(wanted: Filter) -> Clause:
    """What is wanted of rows that were found."""
    clause, values = _equal(("key_id", wanted.key_id), ("model", wanted.model))
    kinds = f"AND kind IN ({', '.join('?' * len(wanted.kinds))}) " if wanted.kinds else ""
    return f"WHERE true {clause}{kinds}", [*values, *wanted.kinds]


def _equal(*pairs: tuple[str, str | None]) -> Clause:
    given = [(column, value) for column, value in pairs if value is not None]
    return "".join(f"AND {column} = ? " for column, _ in given), [value for _, value in given]


def _bounds(span: Span) -> Clause:
    bounds = [("position < ?", span.before), ("position > ?", span.after), ("position <= ?", span.until)]
    given = [(clause, value) for clause, value in bounds if value is not None]
    return "".join(f"AND {clause} " for clause, _ in given), [value for _, value in given]
