"""Double entry for plain-text accounting: the postings of every event that moves money, as one transaction each.

Rule 1: postings come from the postings table, exact to the nano. Zero postings are omitted, and so are events that have no other
postings.
Rule 2: a customer's ledger accounts are opened when the customer's account is, not at first use, so a part of a continued
export can tell which are open without the parts before it.
Rule 3: the entries of a period start with the opening balance of every account.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from domain.events import (
    AccountOpened,
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
from domain.postings import Posting, customer_available, customer_held, postings
from projections.contract import Fact
from projections.exports.contract import Tally, event_of, id_of

OWN = ("assets:stripe", "expense:corrections", "expense:promotions", "income:surcharges", "income:usage")
"""The ledger accounts that do not belong to a customer."""
OPENING = "equity:opening"
_WORDS: dict[type[Event], str] = {
    AdjustmentPosted: "adjustment",
    TopUpSettled: "top-up",
    RequestAdmitted: "hold",
    RequestDebited: "debit",
    RequestReleased: "release",
    RefundPosted: "refund",
    RefundFailed: "refund failed",
    FundsWithdrawn: "dispute",
    FundsReinstated: "dispute won",
}


class Entry(NamedTuple):
    """A transaction: `what` is our description of it; `id` may have been chosen by somebody else."""

    position: int
    at_micros: int
    what: str
    id: str
    postings: Sequence[Posting]


class EntryEncoder:
    """The base of beancount and hledger. `account_id`: only this customer, whose accounts the header opens; `opens_at`: events
    before this instant are only seen, and summed up as opening balances."""

    suffix = ""
    media_type = "text/plain; charset=utf-8"
    appends = True

    def __init__(self, *, account_id: str | None = None, opens_at_micros: int | None = None) -> None:
        self._account_id, self._opens_at = account_id, opens_at_micros
        self._before: Counter[str] = Counter()
        self._known: set[str] = set()
        self.tally = Tally("debits")

    @property
    def remembers(self) -> bool:
        return self._opens_at is not None

    def head(self) -> bytes:
        """With `opens_at`, must be called after all earlier events were seen."""
        opened = set(OWN if self._account_id is None else (*OWN, *_of_customer(self._account_id)))
        if self._opens_at is None:
            return (self._preamble() + "".join(map(self._open, sorted(opened)))).encode()
        self._known |= opened | {OPENING}
        text = self._preamble() + "".join(map(self._open, sorted(self._known)))
        moved = [(account, nanos) for account, nanos in sorted(self._before.items()) if nanos]
        if moved:
            left = -sum(nanos for _, nanos in moved)
            entry = Entry(0, self._opens_at, "opening", "", [*moved, (OPENING, left)] if left else moved)
            text += self._entry(entry)
        self._before.clear()
        return text.encode()

    def see(self, fact: Fact) -> None:
        """The opening balances: the sums of events before `opens_at`."""
        event = event_of(fact)
        if event is None:
            return
        self._known.update(account for account in self._opened_by(event))
        for account, nanos in postings(event):
            self._before[account] += nanos

    def encode(self, facts: Sequence[Fact]) -> bytes:
        return "".join(self._text(fact) for fact in facts).encode()

    def tail(self) -> bytes:
        return b""

    def _text(self, fact: Fact) -> str:
        event = event_of(fact)
        if event is None:
            return ""
        moved = [posting for posting in postings(event) if posting[1]]
        opened = "".join(map(self._open, self._opened_by(event)))
        if not moved:
            return opened
        self.tally.rows += 1
        self.tally.total += sum(nanos for _, nanos in moved if nanos > 0)
        return self._entry(Entry(fact.position, fact.recorded_at_micros, _WORDS[type(event)], id_of(event), moved))

    def _opened_by(self, event: Event) -> tuple[str, ...]:
        if isinstance(event, AccountOpened) and self._account_id is None:
            return _of_customer(event.account_id)
        return ()

    # -- Implemented by each format ----------------------------------------------------------------------------------

    def _preamble(self) -> str:
        raise NotImplementedError

    def _open(self, account: str) -> str:
        raise NotImplementedError

    def _entry(self, entry: Entry) -> str:
        raise NotImplementedError


def _of_customer(account_id: str) -> tuple[str, str]:
    return customer_available(account_id), customer_held(account_id)
