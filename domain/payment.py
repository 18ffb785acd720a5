"""Payments: credited once, and taken back in parts by refunds and disputes.

Rule 1: a payment's stream has at most one event: the payment is either credited or not.
Rule 2: the credit that refunds and disputes have taken back is always floor(credit x returned / paid), and never more than the
credit. A payment that is returned in full therefore gives up exactly the credit it bought, in any order and any number of parts.
Rule 3: the totals returned are kept in the store's buckets. Each return is guarded by the totals it was computed from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

Taking = RefundPosted | FundsWithdrawn
_RESTORED_BY: Mapping[type[Taking], type[RefundFailed | FundsReinstated]] = {
    RefundPosted: RefundFailed,
    FundsWithdrawn: FundsReinstated,
}


@dataclass(frozen=True, slots=True)
class Returned:
    """The totals taken back of a payment so far: of the amount paid, and of the credit that it bought."""

    amount_minor: int = 0
    credit_nanos: int = 0


@dataclass(frozen=True, slots=True)
class Return:
    """A refund or a dispute folded from its stream. `taken` is the credit that it took; `restored`: that credit was given back."""

    return_id: str
    version: int = 0
    taken: Taking | None = None
    restored: bool = False


def fold_return(return_id: str, events: Iterable[Event]) -> Return:
    """The refund or dispute after its events, in order."""
    taken: Taking | None = None
    restored, version = False, 0
    for event in events:
        version += 1
        if isinstance(event, RefundPosted | FundsWithdrawn):
            taken = event
        elif isinstance(event, RefundFailed | FundsReinstated):
            restored = True
    return Return(return_id, version, taken, restored)


def settle(there: TopUpSettled | None, checkout: Checkout, payment_id: str, tax: Tax | None = None) -> list[Event]:
    """Credit the payment that completed `checkout`. No events if it is credited already, even if a different tax is reported now.
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
    """The event that credits a payment for this checkout."""
    figures = (order.amount_minor, order.currency, order.credit_nanos)
    return TopUpSettled(payment_id, order.account_id, order.checkout_id, *figures, tax)


def take_back(
    there: Return, taking: type[Taking], paid: TopUpSettled, amount_minor: int, returned: Returned
) -> list[Event]:
    """Post a refund (RefundPosted) or a dispute (FundsWithdrawn) of a part of the payment. No events if that was done already.

    Raises InvalidValue unless the amount is above zero and at most the amount paid.
    """
    if there.taken:
        return []
    if not 0 < amount_minor <= paid.amount_minor:
        raise InvalidValue(
            "amount", f"{amount_minor} is not a valid refund amount for a payment of {paid.amount_minor}."
        )
    credit_nanos = credit_of(paid, returned.amount_minor + amount_minor) - returned.credit_nanos
    return [taking(there.return_id, paid.payment_id, paid.account_id, amount_minor, paid.currency, credit_nanos)]


def give_back(there: Return, paid: TopUpSettled, returned: Returned) -> list[Event]:
    """Reverse a failed refund (RefundFailed) or a won dispute (FundsReinstated). No events if nothing was taken, or if that was
    done already."""
    if there.taken is None or there.restored:
        return []
    amount_minor = there.taken.amount_minor
    credit_nanos = returned.credit_nanos - credit_of(paid, returned.amount_minor - amount_minor)
    giving = _RESTORED_BY[type(there.taken)]
    return [giving(there.return_id, paid.payment_id, paid.account_id, amount_minor, paid.currency, credit_nanos)]


def return_guards(event: Event, returned: Returned) -> tuple[Guard, ...]:
    """Guards that hold only if the store still has the totals from which `event` was computed."""
    assert isinstance(event, RefundPosted | FundsWithdrawn | RefundFailed | FundsReinstated)
    sign = 1 if isinstance(event, RefundPosted | FundsWithdrawn) else -1
    amount = returned.amount_minor + sign * event.amount_minor
    credit = returned.credit_nanos + sign * event.credit_nanos
    return (
        Guard(buckets.returned(event.payment_id), floor=amount, ceiling=amount),
        Guard(buckets.returned_credit(event.payment_id), floor=credit, ceiling=credit),
    )


def credit_of(paid: TopUpSettled, returned_minor: int) -> int:
    """The credit bought by `returned_minor` of the payment, in nanos, rounded down."""
    return paid.credit_nanos * min(returned_minor, paid.amount_minor) // paid.amount_minor
