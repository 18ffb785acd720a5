"""Double entry for plain-text accounting: the postings of every event that moves money, as one transaction each.

Rule 1: postings are those of the one table, to the nano; those of zero are left out, and so is an event that has no other.
Rule 2: accounts are opened where the account of a customer is, so that whoever goes on behind a position knows them.
Rule 3: entries of a period begin with what every account stood at before it.
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
"""The accounts that are not a customer's."""
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
    """A transaction: `what` it is in our own words, `id` of what, as somebody else may have chosen it."""

    position: int
    at_micros: int
    what: str
    id: str
    postings: Sequence[Posting]


class EntryEncoder:
    """What beancount and hledger have in common. `account_id`: of one customer alone, whose accounts the header opens; `opens_at`:
    the instant before which events are only seen, and told as opening balances."""

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
        """With `opens_at`, to be called when everything before it was seen."""
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
        """Of what lies before `opens_at`."""
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

    # -- Each format in its own words --------------------------------------------------------------------------------

    def _preamble(self) -> str:
        raise NotImplementedError

    def _open(self, account: str) -> str:
        raise NotImplementedError

    def _entry(self, entry: Entry) -> str:
        raise NotImplementedError


def _of_customer(account_id: str) -> tuple[str, str]:
    return customer_available(account_id), customer_held(account_id)
