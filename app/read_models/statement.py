"""The SQL that selects a statement's rows from `transactions`, for both engines.

Rule 1: positions are selected first, at most as many as are shown. Both engines then read them from an index and look up no other
row, whatever their planner's statistics.
Rule 2: values from requests are always parameters; the SQL text is our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NAMED_MAX = 200
"""The maximum number of rows with one name that are examined if there are further conditions."""
NAMES = ("id", "response_id", "reference")
"""The columns that identify a row of a statement: its id, the answer's id, and its reference."""
Clause = tuple[str, list[Any]]
"""SQL text, and the values of its parameters."""
_BALANCE_AFTER = (
    "SELECT b.available_nanos + b.held_nanos FROM views.balances AS b "
    "WHERE b.account_id = t.account_id AND b.position = t.position"
)


@dataclass(frozen=True, slots=True)
class Filter:
    """The conditions on a statement's rows; None or empty: no condition. Instants: from the first to before the second."""

    kinds: tuple[str, ...] = ()
    name: str | None = None
    """The value of one of the columns NAMES."""
    key_id: str | None = None
    model: str | None = None
    from_micros: int | None = None
    to_micros: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Bounds on positions: before the first, after the second, up to the third; None: no bound."""

    before: int | None = None
    after: int | None = None
    until: int | None = None


def statement_query(account_id: str, conditions: Filter, span: Span, most: int) -> tuple[str, tuple[Any, ...]]:
    """A query for rows of `transactions`, newest first, each with the balance after it; and its parameters."""
    bounds = _bounds(span)
    by_name = conditions.name is not None
    positions, of_positions = (_of_name if by_name else _of_kinds)(account_id, conditions, bounds, most)
    sql = (
        f"SELECT t.*, ({_BALANCE_AFTER}) AS balance_after FROM ({positions}) AS p "  # noqa: S608 - our words
        "JOIN views.transactions AS t ON t.account_id = ? AND t.position = p.position ORDER BY t.position DESC"
    )
    if not by_name:
        return sql, (*of_positions, account_id)
    where, of_where = _where(conditions)
    # The inner LIMIT keeps the further conditions out of the search; an engine might otherwise start with them.
    found = f"SELECT * FROM ({sql} LIMIT ?) AS found {where}ORDER BY position DESC LIMIT ?"  # noqa: S608
    return found, (*of_positions, account_id, len(NAMES) * max(most, NAMED_MAX), *of_where, most)


def _of_kinds(account_id: str, conditions: Filter, bounds: Clause, most: int) -> Clause:
    """The positions of each kind, searched separately."""
    equal, values = _equal(("key_id", conditions.key_id), ("model", conditions.model))
    parts: list[str] = []
    parameters: list[Any] = []
    for kind in dict.fromkeys(conditions.kinds) or (None,):
        of_kind, one = _equal(("kind", kind))
        parts.append(_newest(f"{of_kind}{equal}{bounds[0]}", len(parts)))
        parameters += [account_id, *one, *values, *bounds[1], most]
    every = f"SELECT position FROM ({' UNION ALL '.join(parts)}) AS every ORDER BY position DESC LIMIT ?"  # noqa: S608
    return every, [*parameters, most]


def _of_name(account_id: str, conditions: Filter, bounds: Clause, most: int) -> Clause:
    """The positions by each column of NAMES, searched separately; a row that matches twice is returned once. Few rows have the same
    name, so further conditions are applied afterwards."""
    parts = [_newest(f"AND {column} = ? {bounds[0]}", number) for number, column in enumerate(NAMES)]
    return " UNION ".join(parts), [account_id, conditions.name, *bounds[1], max(most, NAMED_MAX)] * len(NAMES)


def _newest(clauses: str, number: int) -> str:
    one = f"SELECT position FROM views.transactions WHERE account_id = ? {clauses}"  # noqa: S608 - our words
    return f"SELECT position FROM ({one}ORDER BY position DESC LIMIT ?) AS k{number}"  # noqa: S608


def _where(conditions: Filter) -> Clause:
    """The further conditions on rows that were found."""
    clause, values = _equal(("key_id", conditions.key_id), ("model", conditions.model))
    kinds = f"AND kind IN ({', '.join('?' * len(conditions.kinds))}) " if conditions.kinds else ""
    return f"WHERE true {clause}{kinds}", [*values, *conditions.kinds]


def _equal(*pairs: tuple[str, str | None]) -> Clause:
    given = [(column, value) for column, value in pairs if value is not None]
    return "".join(f"AND {column} = ? " for column, _ in given), [value for _, value in given]


def _bounds(span: Span) -> Clause:
    bounds = [("position < ?", span.before), ("position > ?", span.after), ("position <= ?", span.until)]
    given = [(clause, value) for clause, value in bounds if value is not None]
    return "".join(f"AND {clause} " for clause, _ in given), [value for _, value in given]
