"""A month of an account in figures.

Rule 1: opening, all that moved it, and closing are one sum; usage is told by model, everything else row by row.
Rule 2: rows are bounded, sums are not: what is not shown is counted, and in the sums all the same.
Rule 3: all of it stands at one position, which is told. A read model that is not there yet makes no statement, and closing is
the balance there, or it is a fault of ours.
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
from domain.errors import Fault

ROWS_SHOWN_MAX = 500
KINDS = ("top_up", "grant", "correction", "refund", "refund_failed", "dispute", "dispute_won")
"""Whatever moves a balance and is no usage, in the order in which sums are told."""
MONTH = re.compile(r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)


class Unbalanced(Fault):
    """The read models stand at one position, and do not agree."""


class ModelUse(msgspec.Struct, frozen=True):
    """What was used of a model. `requests`: those that were charged, whatever became of them."""

    model: str
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    web_search_calls: int
    images: int
    cost_nanos: int


class Figures(msgspec.Struct, frozen=True):
    """Nanos. `position`: all that the month has up to there. `sums` by kind; `rows` are the newest of `rows_count`."""

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
    """The instants from the first to before the second; None where that is no month."""
    if not MONTH.fullmatch(month) or month == "9999-12":
        return None
    return _begins(month), _begins(next_month(month))


def figures(views: ReadModels, account_id: str, month: str, span: tuple[int, int], *, needed: int = 0) -> Figures:
    """`needed`: a position that must have been seen. Raises Unbalanced, ReadModelsUnavailable."""
    usage = views.usage(account_id, by="model", from_micros=span[0], to_micros=span[1])
    _there("usage", usage.position, needed)
    _there("balances", views.balance(account_id).position, usage.position)
    # Usage is summed as it comes: the rest is read as of where it stood, or of the end of the month.
    position = min(usage.position, views.balance_at(account_id, micros=span[1] - 1).position)
    opening = _total(views.balance_at(account_id, micros=span[0] - 1).value)
    used = tuple(map(_use, usage.value))
    rows, sums, count = _rows(views, account_id, span, position)
    cost = sum(each.cost_nanos for each in used)
    closing = opening + sums.total() - cost
    balance = _total(views.balance_at(account_id, position=position).value)
    if closing != balance:
        raise Unbalanced(
            f"{account_id}, {month}: closing {closing} is not the balance {balance} at position {position}"
        )
    told = {kind: sums[kind] for kind in KINDS if kind in sums}
    return Figures(month, *span, position, opening, closing, cost, told, used, rows, count)


def _rows(
    views: ReadModels, account_id: str, span: tuple[int, int], position: int
) -> tuple[tuple[Transaction, ...], Counter[str], int]:
    """What moved the balance up to a position and is no usage, the newest first."""
    wanted = Filter(kinds=KINDS, from_micros=span[0], to_micros=span[1])
    shown: list[Transaction] = []
    sums: Counter[str] = Counter()
    count, before, more = 0, position + 1, True
    while more:
        answer = views.statement(account_id, wanted, before_position=before, limit=ROWS_MAX)
        _there("transactions", answer.position, position)
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


def _there(name: str, stands_at: int, needed: int) -> None:
    if stands_at < needed:
        raise ReadModelsUnavailable(f"{name} stands at position {stands_at}, and {needed} is needed")


def _total(balance: Balance) -> int:
    """Available and held together."""
    return balance.available_nanos + balance.held_nanos


def _begins(month: str) -> int:
    begins = datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)
    return (begins - datetime(1970, 1, 1, tzinfo=UTC)).days * 86_400_000_000
