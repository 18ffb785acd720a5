"""The current state of checkouts and payments, for the dashboard and for comparison with the processor."""

from __future__ import annotations

from collections.abc import Sequence

from domain.events import (
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutFailed,
    CheckoutStarted,
    FundsReinstated,
    FundsWithdrawn,
    RefundFailed,
    RefundPosted,
    TopUpSettled,
)
from projections.contract import Fact, Read
from projections.tables import Change, Key, Row, Table, integer, text

CHECKOUTS = Table(
    "checkouts",
    2,
    (
        text("account_id"),
        text("checkout_id"),
        integer("started_at_micros"),
        text("pack_id"),
        integer("amount_minor"),
        text("currency"),
        integer("credit_nanos"),
        integer("automatic"),
        text("state"),
        text("payment_id", nullable=True),
        text("reason", nullable=True),
    ),
    indexes=(("state", "started_at_micros"),),
)
"""`state`: started, completed, expired or failed."""
PAYMENTS = Table(
    "payments",
    1,
    (
        text("payment_id"),
        text("account_id"),
        text("checkout_id"),
        integer("settled_at_micros"),
        integer("amount_minor"),
        text("currency"),
        integer("credit_nanos"),
        integer("returned_minor"),
        integer("returned_nanos"),
    ),
    indexes=(("settled_at_micros",), ("account_id", "settled_at_micros")),
)
"""`returned_*`: the net amounts that refunds and disputes have taken back."""
_STATE = CHECKOUTS.names.index("state")
_RETURNED = PAYMENTS.names.index("returned_minor")
_CHECKOUT_EVENTS = (CheckoutStarted, CheckoutCompleted, CheckoutExpired, CheckoutFailed)
_PAYMENT_EVENTS = (TopUpSettled, RefundPosted, RefundFailed, FundsWithdrawn, FundsReinstated)


class Payments:
    name = "payments"
    version = 1
    tables = (CHECKOUTS, PAYMENTS)
    families = frozenset(event.TOPIC.rpartition(".")[0] for event in (*_CHECKOUT_EVENTS, *_PAYMENT_EVENTS))

    def apply(self, facts: Sequence[Fact], read: Read) -> list[Change]:
        of_checkouts = [fact for fact in facts if isinstance(fact.event, _CHECKOUT_EVENTS)]
        of_payments = [fact for fact in facts if isinstance(fact.event, _PAYMENT_EVENTS)]
        return [*_folded(CHECKOUTS, of_checkouts, read), *_folded(PAYMENTS, of_payments, read)]


def _folded(table: Table, facts: Sequence[Fact], read: Read) -> list[Change]:
    if not facts:
        return []
    rows: dict[Key, Row] = dict(read(table, {_key(fact) for fact in facts}))
    for fact in facts:
        rows[_key(fact)] = _row(fact, rows.get(_key(fact)))
    return [Change(table, "put", list(rows.values()))]


def _key(fact: Fact) -> Key:
    event = fact.event
    if isinstance(event, _CHECKOUT_EVENTS):
        return event.account_id, event.checkout_id
    assert isinstance(event, _PAYMENT_EVENTS)
    return (event.payment_id,)


def _row(fact: Fact, before: Row | None) -> Row:
    event, at = fact.event, fact.recorded_at_micros
    if isinstance(event, CheckoutStarted):
        order = (event.pack_id, event.amount_minor, event.currency, event.credit_nanos, int(event.automatic))
        return event.account_id, event.checkout_id, at, *order, "started", None, None
    if isinstance(event, TopUpSettled):
        figures = (event.amount_minor, event.currency, event.credit_nanos, 0, 0)
        return event.payment_id, event.account_id, event.checkout_id, at, *figures
    if before is None:
        raise ValueError(f"event {fact.position} ends or returns something that no event has started")
    match event:
        case CheckoutCompleted():
            return *before[:_STATE], "completed", event.payment_id, None
        case CheckoutExpired():
            return *before[:_STATE], "expired", None, None
        case CheckoutFailed():
            return *before[:_STATE], "failed", None, event.reason
        case _:
            return _returned(event, before)


def _returned(event: object, before: Row) -> Row:
    assert isinstance(event, RefundPosted | RefundFailed | FundsWithdrawn | FundsReinstated)
    sign = 1 if isinstance(event, RefundPosted | FundsWithdrawn) else -1
    minor, nanos = before[_RETURNED:]
    return *before[:_RETURNED], minor + sign * event.amount_minor, nanos + sign * event.credit_nanos
