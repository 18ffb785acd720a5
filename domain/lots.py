"""Lots: the credits that a balance consists of, and how much of each was used.

Rule 1: every credit opens a lot with its cost basis. A request uses the lot that expires first, then the oldest.
Rule 2: the balance (available and held) always equals the sum of the account's remaining lots minus the amount it owes, to the
nano.
Rule 3: a lot's credit always equals the sum of its remaining, used, returned and corrected amounts.
Rule 4: a refund or dispute takes the credit that its payment bought. If that credit was used already, other lots pay for its use.
Rule 5: an amount that no lot can cover is owed; the next credit pays it first.
Lots are a fold of events; nothing else is stored.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.events import (
    AdjustmentPosted,
    Event,
    FundsReinstated,
    FundsWithdrawn,
    RefundFailed,
    RefundPosted,
    RequestAdmitted,
    RequestDebited,
    RequestReleased,
    TopUpSettled,
)

Order = tuple[bool, int, int, int]
LotKey = tuple[str, str]
"""("payment" or "adjustment", its id). The kind is needed because an operator may choose any id for an adjustment."""


@dataclass(frozen=True, slots=True)
class CostBasis:
    """The price paid for a lot's credit, in the currency's smallest unit."""

    amount_minor: int
    currency: str


@dataclass(slots=True)
class Lot:
    """One credit. `source`: top_up, grant or correction; `unknown` if a return refers to a payment that was never credited.

    `expires_at_micros`: no credit expires at present. If `cost` is None, nothing was paid for the credit.
    """

    lot_id: str
    account_id: str
    source: str
    number: int
    opened_at_micros: int
    cost: CostBasis | None = None
    expires_at_micros: int | None = None
    credit_nanos: int = 0
    remaining_nanos: int = 0
    used_nanos: int = 0
    returned_nanos: int = 0
    corrected_nanos: int = 0
    returned_minor: int = 0

    @property
    def order(self) -> Order:
        """The sort key of use, smallest first: lots that expire, by expiry; then the others, by age."""
        return self.expires_at_micros is None, self.expires_at_micros or 0, self.opened_at_micros, self.number


class Move(NamedTuple):
    """One change that an event made to a lot: `nanos` were added or taken, `remaining_nanos` are left.

    If `lot` is None, the change is to the amount owed, which is negative. `what`: opened, used, unused (a use is reversed because
    the lot itself is taken back), returned, restored, corrected; for the amount owed: overdrawn, covered.
    """

    lot: Lot | None
    what: str
    nanos: int
    remaining_nanos: int


class Purse:
    """The lots of one account; those with credit left are kept in the order of use."""

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self.lots: dict[LotKey, Lot] = {}
        self.owed_nanos = 0
        self.held_nanos = 0
        self._open: list[Lot] = []

    @property
    def balance_nanos(self) -> int:
        """Available plus held."""
        return sum(lot.remaining_nanos for lot in self._open) - self.owed_nanos

    @property
    def available_nanos(self) -> int:
        return self.balance_nanos - self.held_nanos

    def refundable_minor(self, lot: Lot) -> int:
        """The largest part of a lot's price that can be refunded from unused credit, in the smallest unit."""
        if lot.cost is None or lot.credit_nanos <= 0:
            return 0
        free = max(0, min(lot.remaining_nanos, self.available_nanos))
        # The largest part of the payment whose credit, floor(credit x part / paid), is covered by the returned and the free credit.
        part = ((lot.returned_nanos + free + 1) * lot.cost.amount_minor - 1) // lot.credit_nanos
        return max(0, min(part, lot.cost.amount_minor) - lot.returned_minor)

    def apply(self, event: Event, at_micros: int) -> list[Move]:
        """Apply the event to the lots. The moves of an event add up to its change of the balance."""
        row = _TABLE.get(type(event))
        return list(row(self, event, at_micros)) if row is not None else []

    # -- Events -----------------------------------------------------------------------------------------------------

    def _adjusted(self, event: AdjustmentPosted, at: int) -> Iterator[Move]:
        if event.amount_nanos > 0:
            lot = self._lot(("adjustment", event.adjustment_id), event.kind, at)
            lot.credit_nanos += event.amount_nanos
            yield from self._give(lot, event.amount_nanos, "opened")
            return
        left = -event.amount_nanos
        for kind in ("payment", "adjustment"):
            corrected = self.lots.get((kind, event.reference or ""))
            if corrected is not None and (part := min(left, corrected.remaining_nanos)):
                yield self._draw(corrected, part, "corrected")
                left -= part
        yield from self._take(left, "corrected")

    def _topped_up(self, event: TopUpSettled, at: int) -> Iterator[Move]:
        lot = self._lot(("payment", event.payment_id), "top_up", at)
        lot.source, lot.cost = "top_up", CostBasis(event.amount_minor, event.currency)
        lot.credit_nanos += event.credit_nanos
        yield from self._give(lot, event.credit_nanos, "opened")

    def _admitted(self, event: RequestAdmitted, _at: int) -> Iterator[Move]:
        self.held_nanos += event.hold_nanos
        yield from ()

    def _released(self, event: RequestReleased, _at: int) -> Iterator[Move]:
        self.held_nanos -= event.hold_nanos
        yield from ()

    def _debited(self, event: RequestDebited, _at: int) -> Iterator[Move]:
        self.held_nanos -= event.hold_nanos
        yield from self._take(event.cost_nanos, "used")

    def _returned(self, event: RefundPosted | FundsWithdrawn, at: int) -> Iterator[Move]:
        lot = self._lot(("payment", event.payment_id), "unknown", at)
        lot.returned_minor += event.amount_minor
        missing = max(0, event.credit_nanos - lot.remaining_nanos)
        used = min(missing, lot.used_nanos)
        corrected = min(missing - used, lot.corrected_nanos)
        if unused := used + corrected:
            lot.used_nanos -= used
            lot.corrected_nanos -= corrected
            yield self._put(lot, unused, "unused")
        if own := min(event.credit_nanos, lot.remaining_nanos):
            yield self._draw(lot, own, "returned")
        yield from self._take(used, "used")
        yield from self._take(corrected, "corrected")
        yield from self._take(event.credit_nanos - own, "returned")

    def _restored(self, event: RefundFailed | FundsReinstated, at: int) -> Iterator[Move]:
        lot = self._lot(("payment", event.payment_id), "unknown", at)
        lot.returned_minor -= event.amount_minor
        lot.returned_nanos -= event.credit_nanos
        yield from self._give(lot, event.credit_nanos, "restored")

    # -- Steps ------------------------------------------------------------------------------------------------------

    def _lot(self, key: LotKey, source: str, at_micros: int) -> Lot:
        lot = self.lots.get(key)
        if lot is None:
            lot = self.lots[key] = Lot(key[1], self.account_id, source, len(self.lots), at_micros)
        return lot

    def _give(self, lot: Lot, nanos: int, what: str) -> Iterator[Move]:
        """Add credit to a lot, and pay the amount owed from it."""
        yield self._put(lot, nanos, what)
        if covered := min(self.owed_nanos, nanos):
            yield self._draw(lot, covered, "used")
            self.owed_nanos -= covered
            yield Move(None, "covered", covered, -self.owed_nanos)

    def _take(self, nanos: int, what: str) -> Iterator[Move]:
        """Take from the lots in their order of use; the rest is owed."""
        while nanos and self._open:
            lot = self._open[0]
            part = min(nanos, lot.remaining_nanos)
            yield self._draw(lot, part, what)
            nanos -= part
        if nanos:
            self.owed_nanos += nanos
            yield Move(None, "overdrawn", -nanos, -self.owed_nanos)

    def _put(self, lot: Lot, nanos: int, what: str) -> Move:
        if not lot.remaining_nanos and nanos:
            insort(self._open, lot, key=lambda each: each.order)
        lot.remaining_nanos += nanos
        return Move(lot, what, nanos, lot.remaining_nanos)

    def _draw(self, lot: Lot, nanos: int, what: str) -> Move:
        lot.remaining_nanos -= nanos
        if not lot.remaining_nanos:
            self._open.remove(lot)
        match what:
            case "used":
                lot.used_nanos += nanos
            case "corrected":
                lot.corrected_nanos += nanos
            case _:
                lot.returned_nanos += nanos
        return Move(lot, what, -nanos, lot.remaining_nanos)


class Lots:
    """The purses of all accounts that ever had credit."""

    def __init__(self) -> None:
        self.purses: dict[str, Purse] = {}

    def apply(self, event: Event, at_micros: int) -> list[Move]:
        """Apply the event to its account's lots. No moves if it moves no money."""
        if type(event) not in _TABLE:
            return []
        account_id: str = event.account_id  # type: ignore[attr-defined]  # every event that moves a lot has one
        purse = self.purses.get(account_id)
        if purse is None:
            purse = self.purses[account_id] = Purse(account_id)
        return purse.apply(event, at_micros)


_TABLE: dict[type[Event], Callable[[Purse, Any, int], Iterator[Move]]] = {
    AdjustmentPosted: Purse._adjusted,  # noqa: SLF001 - the table of this very class
    TopUpSettled: Purse._topped_up,  # noqa: SLF001
    RequestAdmitted: Purse._admitted,  # noqa: SLF001
    RequestReleased: Purse._released,  # noqa: SLF001
    RequestDebited: Purse._debited,  # noqa: SLF001
    RefundPosted: Purse._returned,  # noqa: SLF001
    FundsWithdrawn: Purse._returned,  # noqa: SLF001
    RefundFailed: Purse._restored,  # noqa: SLF001
    FundsReinstated: Purse._restored,  # noqa: SLF001
}
