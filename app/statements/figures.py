"""A month of an account in figures.

Rule 1: opening, all that moved it, and closing are one sum; usage is told by model, everything else row by row.
Rule 2: rows are bounded, sums are not: what is not shown is counted, and in the sums all the same.
These functions block. They raise StoreUnavailable.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import msgspec

from app.views import Views
from app.views.answers import NotYetProjected, Transaction
from app.views.queries import ROWS_MAX
from app.views.statement import Filter
from domain.books import next_month

ROWS_SHOWN_MAX = 500
KINDS = ("top_up", "grant", "correction", "refund", "refund_failed", "dispute", "dispute_won")
"""Whatever moves a balance and is no usage, in the order in which sums are told."""
MONTH = re.compile(r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)


class ModelUse(msgspec.Struct, frozen=True):
    """What was used of a model."""

    model: str
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    web_search_calls: int
    images: int
    cost_nanos: int


class Figures(msgspec.Struct, frozen=True):
    """Nanos. `sums` by kind; `rows` are the newest of `rows_count`."""

    month: str
    from_micros: int
    to_micros: int
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


def figures(views: Views, account_id: str, month: str, span: tuple[int, int]) -> Figures:
    from_micros, to_micros = span
    opening = _balance_before(views, account_id, from_micros)
    usage = views.usage(account_id, by="model", from_micros=from_micros, to_micros=to_micros).value
    used = tuple(
        ModelUse(
            str(each.group),
            each.completed,
            each.input_tokens,
            each.cached_tokens,
            each.output_tokens,
            each.web_search_calls,
            each.images,
            each.cost_nanos,
        )
        for each in usage
    )
    rows, sums, count = _rows(views, account_id, span)
    cost = sum(each.cost_nanos for each in used)
    closing = opening + sums.total() - cost
    told = {kind: sums[kind] for kind in KINDS if kind in sums}
    return Figures(month, *span, opening, closing, cost, told, used, rows, count)


def _rows(views: Views, account_id: str, span: tuple[int, int]) -> tuple[tuple[Transaction, ...], Counter[str], int]:
    """What moved the balance and is no usage, the newest first."""
    wanted = Filter(kinds=KINDS, from_micros=span[0], to_micros=span[1])
    shown: list[Transaction] = []
    sums: Counter[str] = Counter()
    count, before, more = 0, None, True
    while more:
        page, more = views.statement(account_id, wanted, before_position=before, limit=ROWS_MAX).value
        for row, _ in page:
            sums[row.kind] += row.amount_nanos
        count += len(page)
        shown += [row for row, _ in page[: ROWS_SHOWN_MAX - len(shown)]]
        before = page[-1][0].position if page else before
    return tuple(shown), sums, count


def _balance_before(views: Views, account_id: str, micros: int) -> int:
    """Available and held together, before an instant."""
    try:
        balance = views.balance_at(account_id, micros=micros - 1).value
    except NotYetProjected:
        balance = views.balance(account_id).value  # nothing was recorded since
    return balance.available_nanos + balance.held_nanos


def _begins(month: str) -> int:
    begins = datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)
    return (begins - datetime(1970, 1, 1, tzinfo=UTC)).days * 86_400_000_000
