"""Lots, deferred revenue and the trial balance: folds over the log, read page by page.

These functions block. They raise StoreUnavailable, and ExportStopped if an event cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from app.exports.source import Source, pages
from domain.books import Month, RollForward, TrialBalance
from domain.currency import format_minor
from domain.events import Event, TopUpSettled
from domain.lots import Lot, LotKey, Purse
from projections.contract import Fact
from projections.exports.contract import event_of
from projections.exports.sheets import tax_told
from projections.exports.texts import fixed

OnProgress = Callable[[int, int], None]


class LotShown(msgspec.Struct, frozen=True):
    """A lot. Credit and its use are in USD, the price paid in its own currency. `refundable` is the part of that price that can be
    refunded from unused credit."""

    lot_id: str
    source: str
    opened_at_micros: int
    expires_at_micros: int | None
    credit: str
    remaining: str
    used: str
    returned: str
    corrected: str
    paid: str | None
    currency: str | None
    refundable: str | None
    tax_country: str | None
    tax_treatment: str | None
    tax: str | None


class LotsShown(msgspec.Struct, frozen=True):
    """An account's lots as of a position. The remaining credit minus the amount owed is the balance."""

    account_id: str
    position: int
    balance: str
    available: str
    held: str
    owed: str
    lots: tuple[LotShown, ...]


def events(source: Source, until: int, on_progress: OnProgress) -> Iterator[tuple[Fact, Event]]:
    """All events of a source up to a position."""
    for page in pages(source, 0, until):
        for fact in page:
            event = event_of(fact)
            if event is not None:
                yield fact, event
        on_progress(page[-1].position, until)


def lots(source: Source, account_id: str, until: int, on_progress: OnProgress) -> LotsShown:
    """The lots of one account."""
    purse, paid = Purse(account_id), dict[str, TopUpSettled]()
    for fact, event in events(source, until, on_progress):
        purse.apply(event, fact.recorded_at_micros)
        if isinstance(event, TopUpSettled):
            paid[event.payment_id] = event
    shown = tuple(_lot(purse, key, lot, paid) for key, lot in purse.lots.items())
    return LotsShown(
        account_id,
        until,
        _usd(purse.balance_nanos),
        _usd(purse.available_nanos),
        _usd(purse.held_nanos),
        _usd(purse.owed_nanos),
        shown,
    )


def revenue(source: Source, until: int, on_progress: OnProgress) -> list[Month]:
    """Deferred revenue by month."""
    rolled = RollForward()
    for fact, event in events(source, until, on_progress):
        rolled.feed(event, fact.recorded_at_micros)
    return list(rolled.months())


def trial_balance(source: Source, until: int, on_progress: OnProgress) -> TrialBalance:
    trial = TrialBalance()
    for _, event in events(source, until, on_progress):
        trial.feed(event)
    return trial


def _lot(purse: Purse, key: LotKey, lot: Lot, paid: dict[str, TopUpSettled]) -> LotShown:
    payment = paid.get(lot.lot_id) if key[0] == "payment" else None
    country, treatment, tax_minor = (None, None, None) if payment is None else tax_told(payment)
    currency = None if lot.cost is None else lot.cost.currency
    return LotShown(
        lot.lot_id,
        lot.source,
        lot.opened_at_micros,
        lot.expires_at_micros,
        _usd(lot.credit_nanos),
        _usd(lot.remaining_nanos),
        _usd(lot.used_nanos),
        _usd(lot.returned_nanos),
        _usd(lot.corrected_nanos),
        None if lot.cost is None else format_minor(lot.cost.amount_minor, lot.cost.currency),
        currency,
        None if lot.cost is None else format_minor(purse.refundable_minor(lot), lot.cost.currency),
        country,
        treatment,
        None if tax_minor is None or currency is None else format_minor(tax_minor, currency),
    )


def _usd(nanos: int) -> str:
    return fixed(nanos, 9)
