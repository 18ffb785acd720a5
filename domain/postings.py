"""One table: each event's postings to the books and its movements of the buckets.

Rule 1: the postings of an event sum to zero. A debit is positive, a credit negative (a liability grows by a negative posting).
Rule 2: the `available` and `held` buckets are the two customer liabilities with opposite sign, so books and buckets agree.
Rule 3: movements are a function of the event and the instant at which the store recorded it. The store and replay share it.
Chart of accounts: assets:stripe, liabilities:customer:{id}:available, liabilities:customer:{id}:held, income:usage,
expense:promotions, expense:corrections, income:surcharges.
Rule 4: a payment in USD is an asset worth the amount paid. A payment in another currency is valued at the credit it buys, because
the books have one currency. Credit above a pack's price is a promotion, below it a surcharge; a return reverses its share of both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from domain import buckets
from domain.buckets import Movement
from domain.currency import usd_nanos
from domain.events import (
    AccountFrozen,
    AccountUnfrozen,
    AdjustmentPosted,
    CheckoutFailed,
    CheckoutStarted,
    Event,
    FileDeleted,
    FileUploaded,
    FundsReinstated,
    FundsWithdrawn,
    KeyRevoked,
    RefundFailed,
    RefundPosted,
    RequestAdmitted,
    RequestDebited,
    RequestReleased,
    TopUpSettled,
)

Posting = tuple[str, int]
"""(account, nanos)"""


def customer_available(account_id: str) -> str:
    return f"liabilities:customer:{account_id}:available"


def customer_held(account_id: str) -> str:
    return f"liabilities:customer:{account_id}:held"


def postings(event: Event) -> tuple[Posting, ...]:
    """The balanced double entry of an event, in nanos; empty if it moves no money."""
    row = _TABLE.get(type(event))
    return row[0](event) if row else ()


def movements(event: Event, recorded_at_micros: int) -> tuple[Movement, ...]:
    """The buckets that the event moves, and by how much."""
    row = _TABLE.get(type(event))
    return row[1](event, recorded_at_micros) if row else ()


def _no_postings(_event: Any) -> tuple[Posting, ...]:
    return ()


def _adjustment_postings(event: AdjustmentPosted) -> tuple[Posting, ...]:
    other = "expense:promotions" if event.kind == "grant" else "expense:corrections"
    return (other, event.amount_nanos), (customer_available(event.account_id), -event.amount_nanos)


def _adjustment_movements(event: AdjustmentPosted, _at: int) -> tuple[Movement, ...]:
    return ((buckets.available(event.account_id), event.amount_nanos),)


def _frozen_movements(event: AccountFrozen, _at: int) -> tuple[Movement, ...]:
    return ((buckets.frozen(event.account_id), 1),)


def _unfrozen_movements(event: AccountUnfrozen, _at: int) -> tuple[Movement, ...]:
    return ((buckets.frozen(event.account_id), -1),)


def _revoked_movements(event: KeyRevoked, _at: int) -> tuple[Movement, ...]:
    return ((buckets.revoked(event.key_id), 1),)


def _admitted_postings(event: RequestAdmitted) -> tuple[Posting, ...]:
    return (
        (customer_available(event.account_id), event.hold_nanos),
        (customer_held(event.account_id), -event.hold_nanos),
    )


def _admitted_movements(event: RequestAdmitted, at: int) -> tuple[Movement, ...]:
    account, key, hold = event.account_id, event.key_id, event.hold_nanos
    minute = buckets.minute_of(at)
    return (
        (f"available:{account}", -hold),
        (f"held:{account}", hold),
        (f"open:{key}", 1),
        (f"spend:{key}:{buckets.month_of(at)}", hold),
        (f"requests:{key}:{minute}", 1),
        (f"tokens:{key}:{minute}", event.reserved_tokens),
    )


def _debited_postings(event: RequestDebited) -> tuple[Posting, ...]:
    return (
        (customer_held(event.account_id), event.hold_nanos),
        (customer_available(event.account_id), event.cost_nanos - event.hold_nanos),
        ("income:usage", -event.cost_nanos),
    )


def _debited_movements(event: RequestDebited, _at: int) -> tuple[Movement, ...]:
    account, key, hold, at = event.account_id, event.key_id, event.hold_nanos, event.admitted_at_micros
    return (
        (f"available:{account}", hold - event.cost_nanos),
        (f"held:{account}", -hold),
        (f"open:{key}", -1),
        (f"spend:{key}:{buckets.month_of(at)}", event.cost_nanos - hold),
        (f"tokens:{key}:{buckets.minute_of(at)}", event.usage.total_tokens - event.reserved_tokens),
    )


def _released_postings(event: RequestReleased) -> tuple[Posting, ...]:
    return (
        (customer_held(event.account_id), event.hold_nanos),
        (customer_available(event.account_id), -event.hold_nanos),
    )


def _released_movements(event: RequestReleased, _at: int) -> tuple[Movement, ...]:
    account, key, hold, at = event.account_id, event.key_id, event.hold_nanos, event.admitted_at_micros
    moved: tuple[Movement, ...] = (
        (f"available:{account}", hold),
        (f"held:{account}", -hold),
        (f"open:{key}", -1),
        (f"spend:{key}:{buckets.month_of(at)}", -hold),
        (f"tokens:{key}:{buckets.minute_of(at)}", -event.reserved_tokens),
    )
    if event.reason == "cancelled" and event.delivered_nanos:
        return (*moved, (f"cancelled:{account}:{buckets.day_of(at)}", event.delivered_nanos))
    return moved


def _uploaded_movements(event: FileUploaded, _at: int) -> tuple[Movement, ...]:
    return (buckets.files(event.account_id), 1), (buckets.file_bytes(event.account_id), event.bytes)


def _deleted_movements(event: FileDeleted, _at: int) -> tuple[Movement, ...]:
    return (buckets.files(event.account_id), -1), (buckets.file_bytes(event.account_id), -event.bytes)


def _paid_postings(amount_minor: int, currency: str, account_id: str, credit_nanos: int) -> tuple[Posting, ...]:
    """Money received (positive amounts) or returned (negative amounts), against the credit it bought."""
    assets = usd_nanos(amount_minor) if currency == "usd" else credit_nanos
    moved: tuple[Posting, ...] = (("assets:stripe", assets), (customer_available(account_id), -credit_nanos))
    given = credit_nanos - assets
    if not given:
        return moved
    promoted = (given > 0) == (amount_minor > 0)
    return *moved, ("expense:promotions" if promoted else "income:surcharges", given)


def _top_up_postings(event: TopUpSettled) -> tuple[Posting, ...]:
    return _paid_postings(event.amount_minor, event.currency, event.account_id, event.credit_nanos)


def _top_up_movements(event: TopUpSettled, _at: int) -> tuple[Movement, ...]:
    return ((buckets.available(event.account_id), event.credit_nanos),)


def _returned_postings(event: RefundPosted | FundsWithdrawn) -> tuple[Posting, ...]:
    return _paid_postings(-event.amount_minor, event.currency, event.account_id, -event.credit_nanos)


def _returned_movements(event: RefundPosted | FundsWithdrawn, _at: int) -> tuple[Movement, ...]:
    return (
        (buckets.available(event.account_id), -event.credit_nanos),
        (buckets.returned(event.payment_id), event.amount_minor),
        (buckets.returned_credit(event.payment_id), event.credit_nanos),
    )


def _restored_postings(event: RefundFailed | FundsReinstated) -> tuple[Posting, ...]:
    return _paid_postings(event.amount_minor, event.currency, event.account_id, event.credit_nanos)


def _restored_movements(event: RefundFailed | FundsReinstated, _at: int) -> tuple[Movement, ...]:
    return (
        (buckets.available(event.account_id), event.credit_nanos),
        (buckets.returned(event.payment_id), -event.amount_minor),
        (buckets.returned_credit(event.payment_id), -event.credit_nanos),
    )


def _checkout_movements(event: CheckoutStarted, at: int) -> tuple[Movement, ...]:
    begun = (f"{buckets.checkouts(event.account_id)}:{buckets.day_of(at)}", 1)
    if not event.automatic:
        return (begun,)
    return begun, (f"{buckets.automatic_top_ups(event.account_id)}:{buckets.month_of(at)}", event.credit_nanos)


def _checkout_failed_movements(event: CheckoutFailed, _at: int) -> tuple[Movement, ...]:
    if not event.automatic_nanos:
        return ()
    month = buckets.month_of(event.started_at_micros)
    return ((f"{buckets.automatic_top_ups(event.account_id)}:{month}", -event.automatic_nanos),)


_TABLE: dict[type[Event], tuple[Callable[[Any], tuple[Posting, ...]], Callable[[Any, int], tuple[Movement, ...]]]] = {
    AdjustmentPosted: (_adjustment_postings, _adjustment_movements),
    AccountFrozen: (_no_postings, _frozen_movements),
    AccountUnfrozen: (_no_postings, _unfrozen_movements),
    KeyRevoked: (_no_postings, _revoked_movements),
    RequestAdmitted: (_admitted_postings, _admitted_movements),
    RequestDebited: (_debited_postings, _debited_movements),
    RequestReleased: (_released_postings, _released_movements),
    FileUploaded: (_no_postings, _uploaded_movements),
    FileDeleted: (_no_postings, _deleted_movements),
    CheckoutStarted: (_no_postings, _checkout_movements),
    CheckoutFailed: (_no_postings, _checkout_failed_movements),
    TopUpSettled: (_top_up_postings, _top_up_movements),
    RefundPosted: (_returned_postings, _returned_movements),
    FundsWithdrawn: (_returned_postings, _returned_movements),
    RefundFailed: (_restored_postings, _restored_movements),
    FundsReinstated: (_restored_postings, _restored_movements),
}
