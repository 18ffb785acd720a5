"""Payments: credited once, and taken back in parts.

Rule 1: the stream of a payment holds one event: it is credited, or it is not.
Rule 2: what refunds and disputes have taken back of a payment together is always floor(credit x returned / paid), and never more
than the credit: the parts of a payment that goes back whole take exactly what it had bought, in whatever parts and order.
Rule 3: that is a running figure, which the store's buckets have. Each return is guarded by the figure that it was reckoned from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from domain import buckets
from domain.buckets import Guard
from domain.checkout import Checkout, require_started
from domain.errors import InvalidValue, PaymentMismatch
from domain.events import (
    CheckoutStarted,
    Event,
    FundsReinstated,
    FundsWithdrawn,
    RefundFailed,
    RefundPosted,
    Tax,
    TopUpSettled,
)

Returning = RefundPosted | FundsWithdrawn
Restoring = RefundFailed | FundsReinstated


@dataclass(frozen=True, slots=True)
class Returned:
    """What was taken back of a payment so far: of its amount, and of its credit."""

    amount_minor: int = 0
    credit_nanos: int = 0


@dataclass(frozen=True, slots=True)
class Return:
    """A refund or a dispute folded from its stream: what it took, and what restored it."""

    return_id: str
    version: int = 0
    taken: Returning | None = None
    restored: bool = False


def fold_return(return_id: str, events: Iterable[Event]) -> Return:
    """The refund or dispute after its events, in order."""
    taken: Returning | None = None
    restored, version = False, 0
    for event in events:
        version += 1
        if isinstance(event, RefundPosted | FundsWithdrawn):
            taken = event
        elif isinstance(event, RefundFailed | FundsReinstated):
            restored = True
    return Return(return_id, version, taken, restored)


def settle(there: TopUpSettled | None, checkout: Checkout, payment_id: str, tax: Tax | None = None) -> list[Event]:
    """The credit of a payment that completed `checkout`; nothing to do where it stands, whatever is said of its tax since.
    Raises NotFound, PaymentMismatch."""
    order = require_started(checkout)
    if checkout.payment_id != payment_id:
        raise PaymentMismatch("payment", checkout.payment_id, payment_id)
    settled = settled_by(order, payment_id, tax)
    if there is None:
        return [settled]
    if msgspec.structs.replace(there, tax=tax) != settled:
        raise PaymentMismatch("checkout", there.checkout_id, order.checkout_id)
    return []


def settled_by(order: CheckoutStarted, payment_id: str, tax: Tax | None = None) -> TopUpSettled:
    """What a payment of this order credits."""
    figures = (order.amount_minor, order.currency, order.credit_nanos)
    return TopUpSettled(payment_id, order.account_id, order.checkout_id, *figures, tax)


def post_refund(refund: Return, paid: TopUpSettled, amount_minor: int, returned: Returned) -> list[Event]:
    """Nothing to do where it was posted. Raises InvalidValue for an amount that is none."""
    if refund.taken:
        return []
    credit_nanos = _take(paid, amount_minor, returned)
    return [RefundPosted(refund.return_id, *_of(paid), amount_minor, paid.currency, credit_nanos)]


def fail_refund(refund: Return, paid: TopUpSettled, returned: Returned) -> list[Event]:
    """Nothing to do where it was never posted, or failed already."""
    if refund.taken is None or refund.restored:
        return []
    amount_minor = refund.taken.amount_minor
    credit_nanos = _give_back(paid, amount_minor, returned)
    return [RefundFailed(refund.return_id, *_of(paid), amount_minor, paid.currency, credit_nanos)]


def withdraw(dispute: Return, paid: TopUpSettled, amount_minor: int, returned: Returned) -> list[Event]:
    """Nothing to do where the funds were withdrawn. Raises InvalidValue for an amount that is none."""
    if dispute.taken:
        return []
    credit_nanos = _take(paid, amount_minor, returned)
    return [FundsWithdrawn(dispute.return_id, *_of(paid), amount_minor, paid.currency, credit_nanos)]


def reinstate(dispute: Return, paid: TopUpSettled, returned: Returned) -> list[Event]:
    """Nothing to do where nothing was withdrawn, or it came back already."""
    if dispute.taken is None or dispute.restored:
        return []
    amount_minor = dispute.taken.amount_minor
    credit_nanos = _give_back(paid, amount_minor, returned)
    return [FundsReinstated(dispute.return_id, *_of(paid), amount_minor, paid.currency, credit_nanos)]


def return_guards(event: Event, returned: Returned) -> tuple[Guard, ...]:
    """That the figures from which a return was reckoned are still those of the store."""
    assert isinstance(event, RefundPosted | FundsWithdrawn | RefundFailed | FundsReinstated)
    sign = 1 if isinstance(event, RefundPosted | FundsWithdrawn) else -1
    amount = returned.amount_minor + sign * event.amount_minor
    credit = returned.credit_nanos + sign * event.credit_nanos
    return (
        Guard(buckets.returned(event.payment_id), floor=amount, ceiling=amount),
        Guard(buckets.returned_credit(event.payment_id), floor=credit, ceiling=credit),
    )


def credit_of(paid: TopUpSettled, returned_minor: int) -> int:
    """The credit that so much of the payment had bought, in nanos, rounded down."""
    return paid.credit_nanos * min(returned_minor, paid.amount_minor) // paid.amount_minor


def _take(paid: TopUpSettled, amount_minor: int, returned: Returned) -> int:
    if not 0 < amount_minor <= paid.amount_minor:
        raise InvalidValue("amount", f"A return of {amount_minor} is none of a payment of {paid.amount_minor}.")
    return credit_of(paid, returned.amount_minor + amount_minor) - returned.credit_nanos


def _give_back(paid: TopUpSettled, amount_minor: int, returned: Returned) -> int:
    return returned.credit_nanos - credit_of(paid, returned.amount_minor - amount_minor)


def _of(paid: TopUpSettled) -> tuple[str, str]:
    return paid.payment_id, paid.account_id
