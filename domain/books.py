"""The books as an accountant reads them: the trial balance, and deferred revenue rolled forward by month.

Rule 1: both are sums of the one table of postings, and of nothing else: they cannot disagree with a balance.
Rule 2: deferred revenue is what customers may still use: available and held together. What moved it is named by its event alone.
Rule 3: a month is that of the instant at which the store recorded the event, UTC.
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
    """Nanos of deferred revenue: `closing_nanos` is `opening_nanos` and all between, each with its sign. Refunds and disputes are
    net of those that failed or were won; `expired_nanos` is zero, since no credit has an end."""

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
    """Fed with events in order; tells the months from the first that moved anything to the last."""

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
    """Fed with events in order; `totals` by ledger account, debits positive. Their sum is zero."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()

    def feed(self, event: Event) -> None:
        for account, nanos in postings(event):
            self.totals[account] += nanos

    def rows(self, *, by_customer: bool = False) -> list[tuple[str, int]]:
        """(account, nanos) by name; the customers' liabilities in one sum each, unless they are wanted one by one."""
        told: Counter[str] = Counter()
        for account, nanos in self.totals.items():
            told[account if by_customer else summed(account)] += nanos
        return sorted(told.items())


def deferred_nanos(event: Event) -> int:
    """By how much the event moved what customers may still use."""
    return -sum(nanos for account, nanos in postings(event) if account.startswith(CUSTOMER))


def summed(account: str) -> str:
    """The account that all customers' have in common: "liabilities:customer:available"."""
    return CUSTOMER + account.rpartition(":")[2] if account.startswith(CUSTOMER) else account


def next_month(month: str) -> str:
    """("2026-12") -> "2027-01"."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + 1:04d}-01" if number == 12 else f"{year:04d}-{number + 1:02d}"


def _reason(event: Event) -> str:
    if isinstance(event, AdjustmentPosted):
        return "granted" if event.kind == "grant" else "corrected"
    return _REASONS[type(event)]
