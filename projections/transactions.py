"""The rows of a customer's statement: one per credit, debit or release.

Rule 1: `amount_nanos` is the row's change of the balance (available plus held), so an account's rows sum to its balance.
Rule 2: the counts of a release cover the delivered part, which cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from domain.events import (
    AdjustmentPosted,
    FundsReinstated,
    FundsWithdrawn,
    RefundFailed,
    RefundPosted,
    RequestDebited,
    RequestReleased,
    TopUpSettled,
)
from domain.usage import Usage
from projections.contract import Fact, Read
from projections.tables import Change, Row, Table, integer, text

TRANSACTIONS = Table(
    "transactions",
    2,
    (
        text("account_id"),
        integer("position"),
        integer("recorded_at_micros"),
        text("kind"),
        text("id"),
        integer("amount_nanos"),
        text("key_id", nullable=True),
        text("model", nullable=True),
        text("endpoint", nullable=True),
        text("upstream", nullable=True),
        text("response_id", nullable=True),
        text("outcome", nullable=True),
        text("reason", nullable=True),
        text("reference", nullable=True),
        text("finish", nullable=True),
        integer("cost_nanos"),
        integer("hold_nanos"),
        integer("overrun_nanos"),
        integer("delivered_nanos"),
        integer("input_tokens"),
        integer("cached_tokens"),
        integer("output_tokens"),
        integer("reasoning_tokens"),
        integer("web_search_calls"),
        integer("images"),
        integer("estimated"),
        integer("admitted_at_micros", nullable=True),
        text("lines", nullable=True),
    ),
    indexes=(
        ("account_id", "kind", "position"),
        ("account_id", "key_id", "position"),
        ("account_id", "model", "position"),
        ("account_id", "id", "position"),
        ("account_id", "response_id", "position"),
        ("account_id", "reference", "position"),
    ),
)
"""`id` is the id of the adjustment, request, payment, refund or dispute. `reference`: a top-up's checkout, or a refund's or
dispute's payment. `input_tokens` excludes cached input. `lines`: JSON of CostLines."""
_encode = msgspec.json.Encoder().encode


class Transactions:
    name = "transactions"
    version = 1
    tables = (TRANSACTIONS,)
    families = None

    def apply(self, facts: Sequence[Fact], read: Read) -> list[Change]:
        rows = [row(fact) for fact in facts if (row := _ROWS.get(type(fact.event))) is not None]
        return [Change(TRANSACTIONS, "insert", rows)] if rows else []


def counts(usage: Usage) -> tuple[int, int, int, int, int, int]:
    """Tokens: uncached input, cached input, output, and reasoning (part of output); web searches; images."""
    images = sum(image.count for image in usage.images) if usage.images else 0
    uncached = usage.input + usage.cache_write + usage.cache_write_1h + usage.image_input
    return uncached, usage.cached_input, usage.output_tokens, usage.reasoning, usage.web_search_calls, images


def _adjustment(fact: Fact) -> Row:
    event: Any = fact.event
    return _moved(fact, event.kind, event.adjustment_id, event.amount_nanos, event.reason, event.reference)


def _top_up(fact: Fact) -> Row:
    event: Any = fact.event
    return _moved(fact, "top_up", event.payment_id, event.credit_nanos, None, event.checkout_id)


def _refund(fact: Fact) -> Row:
    event: Any = fact.event
    return _moved(fact, "refund", event.refund_id, -event.credit_nanos, None, event.payment_id)


def _refund_failed(fact: Fact) -> Row:
    event: Any = fact.event
    return _moved(fact, "refund_failed", event.refund_id, event.credit_nanos, None, event.payment_id)


def _dispute(fact: Fact) -> Row:
    event: Any = fact.event
    return _moved(fact, "dispute", event.dispute_id, -event.credit_nanos, None, event.payment_id)


def _dispute_won(fact: Fact) -> Row:
    event: Any = fact.event
    return _moved(fact, "dispute_won", event.dispute_id, event.credit_nanos, None, event.payment_id)


def _moved(fact: Fact, kind: str, id: str, amount_nanos: int, reason: str | None, reference: str | None) -> Row:
    """A row that does not come from a request."""
    event: Any = fact.event
    none = (None,) * 6
    return (
        *(event.account_id, fact.position, fact.recorded_at_micros, kind, id),
        *(amount_nanos, *none, reason, reference, None),
        *(0,) * 11,
        None,
        None,
    )


def _debit(fact: Fact) -> Row:
    event: Any = fact.event
    return (
        *(event.account_id, fact.position, fact.recorded_at_micros, "debit", event.request_id, -event.cost_nanos),
        *(event.key_id, event.model, event.endpoint, event.upstream, event.response_id, event.outcome),
        *(None, None, event.finish, event.cost_nanos, event.hold_nanos, event.overrun_nanos, 0),
        *counts(event.usage),
        int(event.usage.estimated),
        event.admitted_at_micros,
        _encode(event.lines).decode(),
    )


def _release(fact: Fact) -> Row:
    event: Any = fact.event
    return (
        *(event.account_id, fact.position, fact.recorded_at_micros, "release", event.request_id, 0),
        *(event.key_id, event.model, event.endpoint, event.upstream, None, None, event.reason, None, None),
        *(0, event.hold_nanos, 0, event.delivered_nanos),
        *counts(event.delivered),
        int(event.delivered.estimated),
        event.admitted_at_micros,
        None,
    )


_ROWS: dict[type, Callable[[Fact], Row]] = {
    AdjustmentPosted: _adjustment,
    TopUpSettled: _top_up,
    RefundPosted: _refund,
    RefundFailed: _refund_failed,
    FundsWithdrawn: _dispute,
    FundsReinstated: _dispute_won,
    RequestDebited: _debit,
    RequestReleased: _release,
}
