"""Histories of accounts, keys and requests in a real ledger, made with the domain's own decisions.

A `Book` writes one fact per call, or, within `batching`, many per append; `busy` draws a mixed history from a seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from app.ledger.store import Append, Committed, Ledger
from domain.events import (
    AccountFrozen,
    AccountOpened,
    AccountUnfrozen,
    AdjustmentPosted,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutFailed,
    CheckoutStarted,
    Event,
    FileDeleted,
    FileUploaded,
    FundsReinstated,
    FundsWithdrawn,
    KeyCreated,
    KeyLimits,
    KeyLimitsChanged,
    KeyRevoked,
    PriceListed,
    RefundFailed,
    RefundPosted,
    RequestAdmitted,
    account_stream,
    checkout_stream,
    dispute_stream,
    file_stream,
    payment_stream,
    price_stream,
    refund_stream,
    request_stream,
)
from domain.payment import settled_by
from domain.pricing import parse_prices, price_table
from domain.request import AnswerSource, Hold, debit, release
from domain.usage import ImageCount, Usage

PRICES = parse_prices(
    {"input": "0.25", "cached_input": "0.025", "output": "2.00", "web_search_call": "0.01", "image": "0.04"}
)
MODELS = ("small", "large")
USD = 1_000_000_000


class Book:
    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.versions: dict[str, int] = {}
        self.commands = 0

    def append(self, *appends: Append) -> list[Committed]:
        committed = []
        for verdict in self.ledger.append(list(appends)):
            assert isinstance(verdict, Committed), verdict
            committed.append(verdict)
        return committed

    def command(self, stream: str, *events: Event, first: bool = False) -> Append:
        version = self.versions.get(stream, 0)
        self.versions[stream] = version + len(events)
        self.commands += 1
        return Append(f"command-{self.commands}", stream, version, events, first=first)

    def say(self, stream: str, *events: Event) -> Committed:
        [committed] = self.append(self.command(stream, *events))
        return committed

    def list_prices(self) -> None:
        self.append(*(self.command(price_stream(model), PriceListed(model, price_table(PRICES))) for model in MODELS))

    def open(self, account_id: str, *keys: str, grant_nanos: int = 0) -> None:
        events: list[Event] = [AccountOpened(account_id, f"name of {account_id}")]
        events += [KeyCreated(account_id, key, f"name of {key}", f"digest-{key}", "sk-..", KeyLimits()) for key in keys]
        if grant_nanos:
            events.append(grant(account_id, grant_nanos))
        self.say(account_stream(account_id), *events)

    def admit(self, *admitted: RequestAdmitted) -> list[Hold]:
        commands = [self.command(request_stream(event.request_id), event) for event in admitted]
        committed = self.append(*commands)
        return [Hold(event, c.recorded_at_micros) for event, c in zip(admitted, committed, strict=True)]

    def settle(self, *events: Event) -> list[Committed]:
        return self.append(*(self.command(request_stream(event.request_id), event, first=True) for event in events))  # type: ignore[attr-defined]

    def busy(self, requests: int, *, seed: int = 1, accounts: Sequence[str] = ("acme", "bob", "zoë")) -> list[Hold]:
        """Prices, accounts, and `requests` requests in rounds, most of them settled. Returns those still open."""
        draw = random.Random(seed)
        self.list_prices()
        for account_id in accounts:
            self.open(account_id, f"{account_id}-1", f"{account_id}-2", grant_nanos=1_000 * USD)
        self._manage(accounts[0])
        self._keep_files(accounts[-1])
        self._buy(accounts[-1])
        opened: list[Hold] = []
        for start in range(0, requests, 50):
            numbers = range(start, min(start + 50, requests))
            opened += self.admit(
                *(admission(f"req-{seed}-{number}", draw.choice(accounts), draw) for number in numbers)
            )
            draw.shuffle(opened)
            done, opened = opened[5:], opened[:5]
            if done:
                self.settle(*(settlement(hold, draw) for hold in done))
        return opened

    def _manage(self, account_id: str) -> None:
        self.say(
            account_stream(account_id),
            KeyCreated(account_id, "gone", "n", "digest-gone", "sk-..", KeyLimits()),
            KeyLimitsChanged(account_id, "gone", KeyLimits(requests_per_minute=3)),
        )
        self.say(
            account_stream(account_id), KeyRevoked(account_id, "gone"), AccountFrozen(account_id, "late", "operator")
        )
        self.say(
            account_stream(account_id), AccountUnfrozen(account_id, "paid", "operator"), correction(account_id, -5)
        )

    def _keep_files(self, account_id: str) -> None:
        """One that stays, one that expires, one that was deleted."""
        for number, expires_after in enumerate((None, 3600, None), 1):
            event = upload(f"file-{account_id}-{number}", account_id, expires_after)
            self.say(file_stream(event.file_id), event)
        gone = FileDeleted(f"file-{account_id}-3", account_id, 1000, "deleted")
        self.say(file_stream(gone.file_id), gone)

    def _buy(self, account_id: str) -> None:
        """Packs of $10 for $9: one refunded in part, one disputed and won, one refused, one expired, one still open."""
        refunded, disputed, refused, expired, open_ = (f"co-{account_id}-{number}" for number in range(1, 6))
        part, whole = (self._pay(refunded, account_id), self._pay(disputed, account_id))
        figures = (part, account_id, 100, "usd", 1_111_111_111)
        for refund_id in (f"re-{account_id}-1", f"re-{account_id}-2"):
            self.say(refund_stream(refund_id), RefundPosted(refund_id, *figures))
        self.say(refund_stream(refund_id), RefundFailed(refund_id, *figures))
        dispute_id = f"du-{account_id}"
        self.say(dispute_stream(dispute_id), FundsWithdrawn(dispute_id, whole, account_id, 900, "usd", 10 * USD))
        self.say(dispute_stream(dispute_id), FundsReinstated(dispute_id, whole, account_id, 900, "usd", 10 * USD))
        at = self.say(checkout_stream(refused), checkout(refused, account_id, automatic=True)).recorded_at_micros
        self.say(checkout_stream(refused), CheckoutFailed(refused, account_id, "card_declined", 10 * USD, at))
        self.say(checkout_stream(expired), checkout(expired, account_id))
        self.say(checkout_stream(expired), CheckoutExpired(expired, account_id))
        self.say(checkout_stream(open_), checkout(open_, account_id))

    def _pay(self, checkout_id: str, account_id: str) -> str:
        """A checkout that is paid, and its payment's id."""
        order = checkout(checkout_id, account_id)
        paid = settled_by(order, f"pi-{checkout_id}")
        self.say(checkout_stream(checkout_id), order)
        self.say(checkout_stream(checkout_id), CheckoutCompleted(checkout_id, account_id, paid.payment_id))
        self.say(payment_stream(paid.payment_id), paid)
        return paid.payment_id


def checkout(checkout_id: str, account_id: str, *, automatic: bool = False) -> CheckoutStarted:
    return CheckoutStarted(checkout_id, account_id, "bonus", 900, "usd", 10 * USD, automatic)


def upload(file_id: str, account_id: str, expires_after: int | None = None) -> FileUploaded:
    key_id, sha256 = f"{account_id}-1", "0" * 64
    return FileUploaded(file_id, account_id, key_id, sha256, 1000, 1, "application/pdf", "user_data", expires_after)


def grant(account_id: str, nanos: int, adjustment_id: str = "grant-1") -> AdjustmentPosted:
    return AdjustmentPosted(account_id, adjustment_id, "grant", nanos, "welcome", None)


def correction(account_id: str, nanos: int) -> AdjustmentPosted:
    return AdjustmentPosted(account_id, "correction-1", "correction", nanos, "a slip", "grant-1")


def admission(request_id: str, account_id: str, draw: random.Random) -> RequestAdmitted:
    key, model = draw.choice(("1", "2")), draw.choice(MODELS)
    hold, tokens = draw.randrange(1, 5_000_000), draw.randrange(0, 5_000)
    deadline = 2_000_000_000_000_000
    return RequestAdmitted(
        request_id, account_id, f"{account_id}-{key}", model, "responses", 1, hold, tokens, "instance-1", deadline
    )


def settlement(hold: Hold, draw: random.Random) -> Event:
    usage = use(draw)
    if draw.random() < 0.2:
        reason = draw.choice(("cancelled", "upstream_broken"))
        return release(hold, reason=reason, upstream="openai", delivered=usage, prices=PRICES)
    outcome = "completed" if draw.random() < 0.9 else "cancelled"
    return debit(
        hold,
        prices=PRICES,
        usage=usage,
        source=AnswerSource("openai", response_id=f"resp_{hold.admitted.request_id}"),
        finish="stop",
        outcome=outcome,
    )


def use(draw: random.Random) -> Usage:
    images = (ImageCount("high", "1024x1024", draw.randrange(1, 3)),) if draw.random() < 0.1 else ()
    return Usage(
        input=draw.randrange(2_000),
        cached_input=draw.randrange(500),
        output=draw.randrange(1_000),
        reasoning=draw.randrange(100),
        web_search_calls=draw.randrange(2),
        images=images,
        estimated=draw.random() < 0.05,
    )
