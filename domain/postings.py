"""One table: what each event does to the books and to the buckets.

Rule 1: the postings of an event sum to zero. A debit is positive, a credit negative (a liability grows by a negative posting).
Rule 2: `available` and `held` buckets are the two customer liabilities with the sign turned: books and buckets cannot disagree.
Rule 3: movements are a function of the event and the instant at which the store recorded it, shared by the store and by replay.
Chart of accounts: assets:stripe, liabilities:customer:{id}:available, liabilities:customer:{id}:held, income:usage,
expense:promotions, expense:corrections.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from domain import buckets
from domain.buckets import Movement
from domain.events import (
    AccountFrozen,
    AccountUnfrozen,
    AdjustmentPosted,
    Event,
    FileDeleted,
    FileUploaded,
    KeyRevoked,
    RequestAdmitted,
    RequestDebited,
    RequestReleased,
)

Posting = tuple[str, int]
"""(account, nanos)"""


def customer_available(account_id: str) -> str:
    return f"liabilities:customer:{account_id}:available"


def customer_held(account_id: str) -> str:
    return f"liabilities:customer:{account_id}:held"


def postings(event: Event) -> tuple[Posting, ...]:
    """The balanced double entry of an event, in nanos; empty where no money moves."""
    row = _TABLE.get(type(event))
    return row[0](event) if row else ()


def movements(event: Event, recorded_at_micros: int) -> tuple[Movement, ...]:
    """By how much the event moves which bucket."""
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
}
