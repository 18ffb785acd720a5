"""The accountant's view of the books: the trial balance, and deferred revenue rolled forward by month.

Rule 1: both are sums over the postings table and nothing else, so they cannot disagree with a balance.
Rule 2: deferred revenue is the credit that customers can still use, available and held. Only the event states why it moved.
Rule 3: an event belongs to the UTC month in which the store recorded it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from domain.buckets import month_of
from domain.events import (
    AdjustmentPosted,
    Event,
    FundsReinstated,
    FundsWithdrawn,
    RefundFailed,
    RefundPosted,
    RequestDebited,
    TopUpSettled,
)
from domain.postings import postings

CUSTOMER = "liabilities:customer:"
_REASONS: dict[type[Event], str] = {
    TopUpSettled: "sold",
    RequestDebited: "used",
    RefundPosted: "refunded",
    RefundFailed: "refunded",
    FundsWithdrawn: "disputed",
    FundsReinstated: "disputed",
}


class Month(msgspec.Struct, frozen=True):
    """Deferred revenue in nanos: `closing_nanos` is the signed sum of `opening_nanos` and all fields in between. Refunds and
    disputes are net of those that failed or were won; `expired_nanos` is zero, because credit does not expire."""

    month: str
    opening_nanos: int
    sold_nanos: int
    granted_nanos: int
    corrected_nanos: int
    used_nanos: int
    expired_nanos: int
    refunded_nanos: int
    disputed_nanos: int
    closing_nanos: int


class RollForward:
    """Takes events in order; yields every month from the first with a movement to the last."""

    def __init__(self) -> None:
        self._months: dict[str, Counter[str]] = {}

    def feed(self, event: Event, at_micros: int) -> None:
        moved = deferred_nanos(event)
        if moved:
            self._months.setdefault(month_of(at_micros), Counter())[_reason(event)] += moved

    def months(self) -> Iterator[Month]:
        opening, last = 0, max(self._months, default="")
        month = min(self._months, default="")
        while month and month <= last:
            moved = self._months.get(month, Counter())
            closing = opening + moved.total()
            yield Month(
                month,
                opening,
                moved["sold"],
                moved["granted"],
                moved["corrected"],
                moved["used"],
                moved["expired"],
                moved["refunded"],
                moved["disputed"],
                closing,
            )
            opening, month = closing, next_month(month)


class TrialBalance:
    """Takes events in order; `totals` is by ledger account, debits positive. The totals sum to zero."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()

    def feed(self, event: Event) -> None:
        for account, nanos in postings(event):
            self.totals[account] += nanos

    def rows(self, *, by_customer: bool = False) -> list[tuple[str, int]]:
        """(account, nanos) by name. The customers' liabilities are summed, unless `by_customer`."""
        rows: Counter[str] = Counter()
        for account, nanos in self.totals.items():
            rows[account if by_customer else summed(account)] += nanos
        return sorted(rows.items())


def deferred_nanos(event: Event) -> int:
    """The change in the credit that customers can still use."""
    return -sum(nanos for account, nanos in postings(event) if account.startswith(CUSTOMER))


def summed(account: str) -> str:
    """The summary account of a customer's account, such as "liabilities:customer:available"; other accounts unchanged."""
    return CUSTOMER + account.rpartition(":")[2] if account.startswith(CUSTOMER) else account


def next_month(month: str) -> str:
    """("2026-12") -> "2027-01"."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + 1:04d}-01" if number == 12 else f"{year:04d}-{number + 1:02d}"


def _reason(event: Event) -> str:
    if isinstance(event, AdjustmentPosted):
        return "granted" if event.kind == "grant" else "corrected"
    return _REASONS[type(event)]
