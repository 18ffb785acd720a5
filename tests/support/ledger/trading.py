"""A ledger in which people buy, use, get back and dispute: as many requests as asked for, drawn from a seed.

Everything is decided by the domain, as the gateway decides it: returns take what they may take, and no more.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.ledger.store import Append
from domain.currency import AMOUNT_MINOR_MAX
from domain.events import (
    AdjustmentPosted,
    CheckoutStarted,
    Event,
    FundsWithdrawn,
    RefundPosted,
    Tax,
    TopUpSettled,
    account_stream,
    dispute_stream,
    payment_stream,
    refund_stream,
)
from domain.payment import Return, Returned, Taking, give_back, settled_by, take_back
from domain.request import Hold
from tests.support.ledger.histories import USD, Book, admission, settlement

ROUND = 200
TAXES = (None, Tax("DE", "taxed", 19), Tax("US", "unknown", None), Tax("FR", "reverse_charge", 0))
HOSTILE = ('=HYPERLINK("http://evil")', "+1;2", "@sum(a)", 'a "quoted", one', "-cmd|' /C calc'!A0", "Zoë\u2028and more")


@dataclass(slots=True)
class Bought:
    paid: TopUpSettled
    returned: Returned = field(default_factory=Returned)


class Trade:
    """`requests` requests of `accounts`, and money that comes and goes between them."""

    def __init__(self, book: Book, *, seed: int = 1, accounts: Sequence[str] = ("acme", "bob_2", "zoë")) -> None:
        self.book, self.accounts, self.draw = book, accounts, random.Random(seed)
        self.seed, self.number = seed, 0
        self.bought: list[Bought] = []
        book.list_prices()
        for name in accounts:
            book.open(name, f"{name}-1", f"{name}-2", grant_nanos=5 * USD)

    def run(self, requests: int) -> list[Hold]:
        """Returns those still open."""
        opened: list[Hold] = []
        for start in range(0, requests, ROUND):
            self.book.append(*self.money())
            numbers = range(start, min(start + ROUND, requests))
            opened += self.book.admit(
                *(admission(f"req-{self.seed}-{n}", self.draw.choice(self.accounts), self.draw) for n in numbers)
            )
            self.draw.shuffle(opened)
            done, opened = opened[3:], opened[:3]
            if done:
                self.book.settle(*(settlement(hold, self.draw) for hold in done))
        return opened

    def money(self) -> Iterable[Append]:
        """A few movements of money, each of its own kind."""
        for _ in range(self.draw.randrange(1, 6)):
            yield self.draw.choice((self.buy, self.buy, self.refund, self.dispute, self.correct))()

    def buy(self) -> Append:
        self.number += 1
        currency, name = self.draw.choice(("usd", "usd", "eur", "jpy")), self.draw.choice(self.accounts)
        amount = self.draw.randrange(50, 5_000)
        order = CheckoutStarted(
            f"co-{self.seed}-{self.number}",
            name,
            "pack",
            min(amount, AMOUNT_MINOR_MAX),
            currency,
            amount * self.draw.randrange(9_000_000, 12_000_000),
            False,
        )
        paid = settled_by(order, f"pi-{self.seed}-{self.number}", self.draw.choice(TAXES))
        self.bought.append(Bought(paid))
        return self.book.command(payment_stream(paid.payment_id), paid)

    def refund(self) -> Append:
        return self._taken_back("re", refund_stream, RefundPosted, given_back=0.3)

    def dispute(self) -> Append:
        return self._taken_back("du", dispute_stream, FundsWithdrawn, given_back=0.5)

    def _taken_back(
        self,
        prefix: str,
        stream: Callable[[str], str],
        taking: type[Taking],
        *,
        given_back: float,
    ) -> Append:
        """A part of a payment, some of which comes back; a payment, where there is none."""
        bought = self._any()
        if bought is None:
            return self.buy()
        self.number += 1
        return_id = f"{prefix}-{self.seed}-{self.number}"
        part = self.draw.randrange(1, bought.paid.amount_minor - bought.returned.amount_minor + 1)
        [taken] = self._moved(bought, take_back(Return(return_id), taking, bought.paid, part, bought.returned), 1)
        events = [taken]
        if self.draw.random() < given_back:
            again = give_back(Return(return_id, 1, taken), bought.paid, bought.returned)
            events += self._moved(bought, again, -1)
        return self.book.command(stream(return_id), *events)

    def correct(self) -> Append:
        self.number += 1
        name, amount = self.draw.choice(self.accounts), self.draw.randrange(-USD, USD)
        reason, reference = self.draw.choice(HOSTILE), self.draw.choice((None, "grant-1", f"pi-{self.seed}-1"))
        event = AdjustmentPosted(name, f"adj-{self.number}", "correction", amount or 1, reason, reference)
        return self.book.command(account_stream(name), event)

    def _any(self) -> Bought | None:
        left = [each for each in self.bought[-20:] if each.returned.amount_minor < each.paid.amount_minor]
        return self.draw.choice(left) if left else None

    @staticmethod
    def _moved(bought: Bought, events: Iterable[Event], sign: int) -> list[Any]:
        """The same events, and what they moved is counted."""
        moved: list[Any] = list(events)
        for event in moved:
            amount, credit = bought.returned.amount_minor, bought.returned.credit_nanos
            bought.returned = Returned(amount + sign * event.amount_minor, credit + sign * event.credit_nanos)
        return moved
