"""Checks payments for consistency: every credit has its checkout, every return its payment, and all amounts match.

Rule 1: the credit that a return takes is computed here from the earlier returns, not from the store's buckets.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.ledger.store import RecordedEvent
from app.replay.findings import Findings
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

CheckoutEvent = CheckoutStarted | CheckoutCompleted | CheckoutExpired | CheckoutFailed
ReturnEvent = RefundPosted | FundsWithdrawn | RefundFailed | FundsReinstated


@dataclass(slots=True)
class _Order:
    started: CheckoutStarted
    started_at_micros: int
    payment_id: str | None = None


@dataclass(slots=True)
class _Paid:
    settled: TopUpSettled
    returned_minor: int = 0
    returned_nanos: int = 0


class PaymentsCheck:
    """Takes the events of checkouts, payments, refunds and disputes, in order."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._orders: dict[str, _Order] = {}
        self._paid: dict[str, _Paid] = {}
        self._taken: dict[str, RefundPosted | FundsWithdrawn] = {}

    def of_checkout(self, row: RecordedEvent, event: CheckoutEvent) -> None:
        if isinstance(event, CheckoutStarted):
            self._orders[event.checkout_id] = _Order(event, row.recorded_at_micros)
            return
        order = self._orders.get(event.checkout_id)
        if order is None:
            self._differ(row, "checkout", "a started checkout", event.checkout_id)
            return
        self._same(row, "account_id", order.started.account_id, event.account_id)
        if isinstance(event, CheckoutCompleted):
            self._same(row, "payment_id of the checkout", None, order.payment_id)
            order.payment_id = event.payment_id
        elif isinstance(event, CheckoutFailed):
            self._same(
                row, "automatic_nanos", order.started.credit_nanos * order.started.automatic, event.automatic_nanos
            )
            self._same(row, "started_at_micros", order.started_at_micros, event.started_at_micros)

    def settled(self, row: RecordedEvent, event: TopUpSettled) -> None:
        order = self._orders.get(event.checkout_id)
        if order is None:
            self._differ(row, "top-up", "a started checkout", event.checkout_id)
        else:
            self._same(row, "payment_id of the checkout", order.payment_id, event.payment_id)
            for field in ("account_id", "amount_minor", "currency", "credit_nanos"):
                self._same(row, field, getattr(order.started, field), getattr(event, field))
        self._paid[event.payment_id] = _Paid(event)

    def returned(self, row: RecordedEvent, event: ReturnEvent) -> None:
        paid = self._paid.get(event.payment_id)
        if paid is None:
            self._differ(row, "return", "a credited payment", event.payment_id)
            return
        for field in ("account_id", "currency"):
            self._same(row, field, getattr(paid.settled, field), getattr(event, field))
        taking = isinstance(event, RefundPosted | FundsWithdrawn)
        self._pair(row, event)
        sign = 1 if taking else -1
        paid.returned_minor += sign * event.amount_minor
        price, credit = paid.settled.amount_minor, paid.settled.credit_nanos
        due = credit * min(paid.returned_minor, price) // price if price else credit
        self._same(row, "credit_nanos", sign * (due - paid.returned_nanos), event.credit_nanos)
        paid.returned_nanos += sign * event.credit_nanos

    def _pair(self, row: RecordedEvent, event: ReturnEvent) -> None:
        """Check that a reversal restores the amount that the return took."""
        return_id = event.refund_id if isinstance(event, RefundPosted | RefundFailed) else event.dispute_id
        if isinstance(event, RefundPosted | FundsWithdrawn):
            self._taken[return_id] = event
            return
        taken = self._taken.pop(return_id, None)
        if taken is None:
            self._differ(row, "restored return", "a return that was posted", return_id)
        else:
            self._same(row, "amount_minor", taken.amount_minor, event.amount_minor)
            self._same(row, "payment_id", taken.payment_id, event.payment_id)

    def _same(self, row: RecordedEvent, field: str, expected: object, found: object) -> None:
        if expected != found:
            self._findings.differ(field, f"event {row.id}, {row.originator_id}", expected, found)

    def _differ(self, row: RecordedEvent, what: str, expected: str, found: str) -> None:
        self._findings.differ(what, f"event {row.id}, {row.originator_id}", expected, found)
