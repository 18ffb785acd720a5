"""The figures of an account's month.

Rule 1: the opening balance plus all movements equals the closing balance. Usage is listed by model, everything else row by row.
Rule 2: the number of rows is limited, the sums are not: rows that are not shown are counted and included in the sums.
Rule 3: all figures are as of one position, which the statement names. If a read model has not reached it yet, there is no
statement. If the closing balance differs from the balance at that position, that is a bug.
These functions block. They raise StoreUnavailable.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import msgspec

from app.faults import ReadModelsUnavailable
from app.read_models import ReadModels
from app.read_models.answers import Balance, Transaction, Usage
from app.read_models.queries import ROWS_MAX
from app.read_models.statement import Filter
from domain.books import next_month

ROWS_SHOWN_MAX = 500
KINDS = ("top_up", "grant", "correction", "refund", "refund_failed", "dispute", "dispute_won")
"""The kinds of movements other than usage, in the order of the sums."""
MONTH = re.compile(r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)


class Unbalanced(Exception):
    """The read models are at the same position but disagree."""


class ModelUse(msgspec.Struct, frozen=True):
    """The usage of a model. `requests`: the number of charged requests, including cancelled ones."""

    model: str
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    web_search_calls: int
    images: int
    cost_nanos: int


class Figures(msgspec.Struct, frozen=True):
    """Amounts in nanos. The figures include all events up to `position`. `sums` by kind; `rows` are the newest of `rows_count`."""

    month: str
    from_micros: int
    to_micros: int
    position: int
    opening_nanos: int
    closing_nanos: int
    used_nanos: int
    sums: dict[str, int]
    usage: tuple[ModelUse, ...]
    rows: tuple[Transaction, ...]
    rows_count: int


def bounds(month: str) -> tuple[int, int] | None:
    """The month as instants, from the first, included, to the second, excluded, or None if `month` is not a valid month."""
    if not MONTH.fullmatch(month) or month == "9999-12":
        return None
    return _begins(month), _begins(next_month(month))


def figures(read_models: ReadModels, account_id: str, month: str, span: tuple[int, int], *, needed: int = 0) -> Figures:
    """A month's figures. `needed`: a position that the read models must have reached. Raises Unbalanced, ReadModelsUnavailable."""
    usage = read_models.usage(account_id, by="model", from_micros=span[0], to_micros=span[1])
    _require("usage", usage.position, needed)
    _require("balances", read_models.balance(account_id).position, usage.position)
    # Usage is summed up to now, so the rest is read as of usage's position, or as of the end of the month.
    position = min(usage.position, read_models.balance_at(account_id, micros=span[1] - 1).position)
    opening = _total(read_models.balance_at(account_id, micros=span[0] - 1).value)
    used = tuple(map(_use, usage.value))
    rows, sums, count = _rows(read_models, account_id, span, position)
    cost = sum(each.cost_nanos for each in used)
    closing = opening + sums.total() - cost
    balance = _total(read_models.balance_at(account_id, position=position).value)
    if closing != balance:
        raise Unbalanced(
            f"{account_id}, {month}: closing {closing} is not the balance {balance} at position {position}"
        )
    ordered = {kind: sums[kind] for kind in KINDS if kind in sums}
    return Figures(month, *span, position, opening, closing, cost, ordered, used, rows, count)


def _rows(
    read_models: ReadModels, account_id: str, span: tuple[int, int], position: int
) -> tuple[tuple[Transaction, ...], Counter[str], int]:
    """The movements other than usage up to a position, newest first, with their sums and count."""
    movements = Filter(kinds=KINDS, from_micros=span[0], to_micros=span[1])
    shown: list[Transaction] = []
    sums: Counter[str] = Counter()
    count, before, more = 0, position + 1, True
    while more:
        answer = read_models.statement(account_id, movements, before_position=before, limit=ROWS_MAX)
        _require("transactions", answer.position, position)
        page, more = answer.value
        for row, _ in page:
            sums[row.kind] += row.amount_nanos
        count += len(page)
        shown += [row for row, _ in page[: ROWS_SHOWN_MAX - len(shown)]]
        before = page[-1][0].position if page else before
    return tuple(shown), sums, count


def _use(usage: Usage) -> ModelUse:
    return ModelUse(
        str(usage.group),
        usage.requests - usage.released,
        usage.input_tokens,
        usage.cached_tokens,
        usage.output_tokens,
        usage.web_search_calls,
        usage.images,
        usage.cost_nanos,
    )


def _require(name: str, position: int, needed: int) -> None:
    if position < needed:
        raise ReadModelsUnavailable(f"{name} is at position {position}, but {needed} is needed")


def _total(balance: Balance) -> int:
    """Available plus held."""
    return balance.available_nanos + balance.held_nanos


def _begins(month: str) -> int:
    begins = datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)
    return (begins - datetime(1970, 1, 1, tzinfo=UTC)).days * 86_400_000_000
