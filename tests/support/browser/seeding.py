"""Seeds accounts for the website's tests in a real ledger: one with 45 days of requests, purchases and keys, and one with nothing.

Rule 1: the history goes through the guarded append, on a ledger with a settable clock, so that days pass without waiting.
Rule 2: the same seed produces the same history.
"""

from __future__ import annotations

import random
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from app.accounts.commands import apply_prices, on_account
from app.accounts.passwords import Passwords
from app.accounts.people import People
from app.ledger.codec import Codec
from app.ledger.sqlite import SQLiteLedger
from app.settings import Settings, demo_config
from domain import account as accounts
from domain import api_key
from domain.decimals import NANOS_PER_USD
from domain.events import (
    CheckoutCompleted,
    CheckoutStarted,
    Event,
    KeyLimits,
    RefundPosted,
    RequestAdmitted,
    checkout_stream,
    payment_stream,
    refund_stream,
)
from domain.payment import settled_by
from domain.request import AnswerSource, Hold, debit, release
from domain.usage import Usage
from tests.support.ledger.histories import Book

MICROS_PER_DAY = 86_400_000_000
DAYS = 45
FAR_FUTURE_MICROS = 4_000_000_000_000_000
KEYS = (
    ("key_web", "Web app", KeyLimits(budget_nanos_per_month=50 * NANOS_PER_USD, requests_per_minute=600)),
    ("key_batch", "Nightly batch", KeyLimits(models=("gpt-5.4-mini", "gpt-5.4"), concurrency=8)),
    ("key_ci", "Continuous integration", KeyLimits(tokens_per_minute=200_000)),
    ("key_old", "Prototype", KeyLimits()),
)
MODELS = ("gpt-5.4-mini", "gpt-5.4-mini", "gpt-5.4-mini", "gpt-5.3-codex-spark", "gpt-5.4", "gpt-5.5")


@dataclass(frozen=True)
class Person:
    """A person who can sign in."""

    account_id: str
    name: str
    email: str
    password: str


FULL = Person("acct_full", "Acme Research", "ada@example.com", secrets.token_urlsafe(12))
EMPTY = Person("acct_empty", "New here", "new@example.com", secrets.token_urlsafe(12))


class _Clocked(SQLiteLedger):
    """A ledger with a settable clock."""

    at_micros = 0

    def now_micros(self) -> int:
        return self.at_micros


def config(folder: Path, port: int) -> Path:
    """The demo's configuration, on a given port."""
    path = folder / "realrouter.toml"
    path.write_text(demo_config(folder, port), encoding="utf-8")
    return path


def seed(settings: Settings, *, requests_per_day: int = 14, days: int = DAYS) -> None:
    """Migrate, list prices, and write the history of both accounts up to now."""
    path, codec = settings.store.sqlite_path, Codec()
    assert path is not None, "the demo's configuration uses SQLite"
    ledger = _Clocked(str(path), codec=codec)
    now_micros = time.time_ns() // 1000
    ledger.at_micros = now_micros - days * MICROS_PER_DAY
    try:
        ledger.migrate()
        apply_prices(ledger, codec, settings.catalog())
        for person in (FULL, EMPTY):
            _open(ledger, codec, person)
        _Life(ledger, settings, random.Random(7)).live(now_micros, days, requests_per_day)
    finally:
        ledger.close()


def _open(ledger: _Clocked, codec: Codec, person: Person) -> None:
    on_account(ledger, codec, person.account_id, lambda state: accounts.open_account(state, name=person.name))
    people = People(ledger, codec)
    people.set_email(person.account_id, person.email)
    people.set_password(person.account_id, Passwords().hash_now(person.password))


class _Life:
    """The history of the full account, day by day."""

    def __init__(self, ledger: _Clocked, settings: Settings, draw: random.Random) -> None:
        self.ledger, self.codec, self.draw = ledger, Codec(), draw
        self.catalog = settings.catalog()
        self.book = Book(ledger)
        self.numbers = 0

    def live(self, now_micros: int, days: int, requests_per_day: int) -> None:
        for key_id, name, limits in KEYS:
            self._make_key(key_id, name, limits)
        self._buy("co_first")
        for day in range(days, 0, -1):
            self.ledger.at_micros = now_micros - day * MICROS_PER_DAY
            if day % 9 == 0:
                self._buy(f"co_{day}")
            busy = self.draw.randrange(requests_per_day // 2, requests_per_day * 2) if day % 7 > 1 else 2
            self._requests(busy, now_micros - (day - 1) * MICROS_PER_DAY)
        self._revoke("key_old")
        self._refund("re_1", "pi_co_18")

    def _make_key(self, key_id: str, name: str, limits: KeyLimits) -> None:
        secret = api_key.make_key(self.draw.randbytes(api_key.RANDOM_BYTES))
        digest, hint = api_key.digest(secret), api_key.hint(secret)
        on_account(
            self.ledger,
            self.codec,
            FULL.account_id,
            lambda state: api_key.create_key(state, key_id=key_id, name=name, digest=digest, hint=hint, limits=limits),
        )

    def _revoke(self, key_id: str) -> None:
        on_account(self.ledger, self.codec, FULL.account_id, lambda state: api_key.revoke_key(state, key_id=key_id))

    def _buy(self, checkout_id: str) -> None:
        order = CheckoutStarted(checkout_id, FULL.account_id, "plus", 5_000, "usd", 55 * NANOS_PER_USD, False)
        paid = settled_by(order, f"pi_{checkout_id}")
        self.book.say(checkout_stream(checkout_id), order)
        self.book.say(checkout_stream(checkout_id), CheckoutCompleted(checkout_id, FULL.account_id, paid.payment_id))
        self.book.say(payment_stream(paid.payment_id), paid)

    def _refund(self, refund_id: str, payment_id: str) -> None:
        posted = RefundPosted(refund_id, payment_id, FULL.account_id, 500, "usd", 5_500_000_000)
        self.book.say(refund_stream(refund_id), posted)

    def _requests(self, count: int, until_micros: int) -> None:
        """`count` requests, in batches of at most 50, spread over the day."""
        step = (until_micros - self.ledger.at_micros) // (count + 1)
        for start in range(0, count, 50):
            round_ = min(50, count - start)
            holds = self.book.admit(*(self._admission() for _ in range(round_)))
            self.ledger.at_micros += self.draw.randrange(400_000, 9_000_000)
            self.book.settle(*(self._settlement(hold) for hold in holds))
            self.ledger.at_micros += step * round_

    def _admission(self) -> RequestAdmitted:
        self.numbers += 1
        key_id = self.draw.choice(KEYS)[0]
        model = self.draw.choice(MODELS)
        hold = self.draw.randrange(8_000_000, 180_000_000)
        request_id = f"req_{self.numbers:08x}{self.draw.randbytes(8).hex()}"
        return RequestAdmitted(
            request_id, FULL.account_id, key_id, model, "responses", 1, hold, 4096, "seeded", FAR_FUTURE_MICROS
        )

    def _settlement(self, hold: Hold) -> Event:
        draw, prices = self.draw, self.catalog.model(hold.admitted.model).prices
        usage = Usage(
            input=draw.randrange(40, 6_000),
            cached_input=draw.choice((0, 0, draw.randrange(2_000))),
            output=draw.randrange(10, 1_800),
            reasoning=draw.choice((0, draw.randrange(10))),
        )
        if draw.random() < 0.06:
            reason = draw.choice(("cancelled", "upstream_broken", "upstream_refused"))
            return release(hold, reason=reason, upstream="simulator", delivered=None, prices=prices)
        return debit(
            hold,
            prices=prices,
            usage=usage,
            source=AnswerSource("simulator", response_id=f"resp_{hold.admitted.request_id.removeprefix('req_')}"),
            finish=draw.choice(("stop", "stop", "stop", "length")),
            outcome="completed",
        )
