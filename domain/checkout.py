"""Checkouts: an attempt to buy a pack, and its outcome.

Rule 1: the amounts to charge and to credit come from our own pack, and are recorded in the checkout's first event.
Rule 2: one payment completes a checkout, the first that is found; any other is a mismatch. It is recorded before the credit.
Rule 3: a payment found after an expiry or a failure still completes the checkout.

    none -> started -> completed
            started -> expired | failed -> completed
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from domain import buckets
from domain.account import Account, check_identifier, require
from domain.buckets import Guard
from domain.currency import format_minor
from domain.errors import AlreadyExists, AutomaticCeilingReached, NotFound, PaymentMismatch, TooManyCheckouts
from domain.events import CheckoutCompleted, CheckoutExpired, CheckoutFailed, CheckoutStarted, Event

CHECKOUTS_PER_DAY_MAX = 100
"""The maximum number of checkouts that an account may start in a UTC day. Each one is kept permanently."""
REASON_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack for sale: `credit_nanos` of balance for `amount_minor` of the currency's smallest unit."""

    id: str
    name: str
    amount_minor: int
    currency: str
    credit_nanos: int


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout folded from its stream. `state` is none, started, completed, expired or failed."""

    checkout_id: str
    version: int = 0
    state: str = "none"
    started: CheckoutStarted | None = None
    started_at_micros: int = 0
    payment_id: str | None = None
    reason: str | None = None


def fold(checkout_id: str, events: Iterable[tuple[Event, int]]) -> Checkout:
    """The checkout after its events, each with the instant at which it was recorded, in order."""
    checkout = Checkout(checkout_id)
    for event, at_micros in events:
        checkout = evolve(checkout, event, at_micros)
    return checkout


def evolve(checkout: Checkout, event: Event, at_micros: int) -> Checkout:
    """The checkout after one more event."""
    checkout = replace(checkout, version=checkout.version + 1)
    match event:
        case CheckoutStarted():
            return replace(checkout, state="started", started=event, started_at_micros=at_micros)
        case CheckoutCompleted():
            return replace(checkout, state="completed", payment_id=event.payment_id)
        case CheckoutExpired():
            return replace(checkout, state="expired")
        case CheckoutFailed():
            return replace(checkout, state="failed", reason=event.reason)
        case _:
            return checkout


def start(checkout: Checkout, account: Account, pack: Pack, *, automatic: bool = False) -> list[Event]:
    """No events if the same checkout is started already. Raises NotFound (no such account), AlreadyExists, InvalidValue."""
    require(account)
    check_identifier("checkout_id", checkout.checkout_id)
    order = (pack.id, pack.amount_minor, pack.currency, pack.credit_nanos)
    started = CheckoutStarted(checkout.checkout_id, account.account_id, *order, automatic)
    if checkout.started not in (None, started):
        raise AlreadyExists(f"A different checkout already has the ID {checkout.checkout_id}.")
    return [] if checkout.started else [started]


def start_guards(account_id: str, *, ceiling_nanos: int | None = None) -> tuple[Guard, ...]:
    """The guards on a start: the account's checkouts per day and, for automatic ones, their credit per month."""
    of_day = Guard(buckets.checkouts(account_id), "day", ceiling=CHECKOUTS_PER_DAY_MAX)
    if ceiling_nanos is None:
        return (of_day,)
    return of_day, Guard(buckets.automatic_top_ups(account_id), "month", ceiling=ceiling_nanos)


def start_refusal(bucket: str) -> TooManyCheckouts | AutomaticCeilingReached:
    """Why the store refused a start, from the bucket whose guard failed."""
    if bucket.partition(":")[0] == "checkouts":
        return TooManyCheckouts(CHECKOUTS_PER_DAY_MAX)
    return AutomaticCeilingReached()


def complete(checkout: Checkout, payment_id: str) -> list[Event]:
    """No events if this payment completed it already. Raises NotFound, PaymentMismatch if another payment did."""
    order = require_started(checkout)
    if checkout.payment_id not in (None, payment_id):
        raise PaymentMismatch("payment", checkout.payment_id, payment_id)
    done = CheckoutCompleted(checkout.checkout_id, order.account_id, payment_id)
    return [] if checkout.payment_id else [done]


def expire(checkout: Checkout) -> list[Event]:
    """No events if it has ended already. Raises NotFound."""
    order = require_started(checkout)
    return [CheckoutExpired(checkout.checkout_id, order.account_id)] if checkout.state == "started" else []


def fail(checkout: Checkout, reason: str) -> list[Event]:
    """No events if it has ended already. `reason` is the processor's code, such as card_declined. Raises NotFound."""
    order = require_started(checkout)
    if checkout.state != "started":
        return []
    automatic_nanos = order.credit_nanos if order.automatic else 0
    kept = reason[:REASON_LENGTH_MAX]
    return [CheckoutFailed(checkout.checkout_id, order.account_id, kept, automatic_nanos, checkout.started_at_micros)]


def check_paid(checkout: Checkout, *, account_id: str | None, amount_minor: int | None, currency: str | None) -> None:
    """Compare the payment that the processor reported with the checkout; None: not reported. Raises NotFound, PaymentMismatch."""
    order = require_started(checkout)
    if account_id != order.account_id:
        raise PaymentMismatch("account", order.account_id, account_id)
    if currency != order.currency:
        raise PaymentMismatch("currency", order.currency, currency)
    if amount_minor != order.amount_minor:
        reported = None if amount_minor is None else format_minor(amount_minor, order.currency)
        raise PaymentMismatch("amount", format_minor(order.amount_minor, order.currency), reported)


def require_started(checkout: Checkout) -> CheckoutStarted:
    """Raises NotFound if the checkout does not exist."""
    if checkout.started is None:
        raise NotFound(f"There is no checkout {checkout.checkout_id[:100]}.")
    return checkout.started
