"""Payments of one process over a ledger in a folder and a scripted Stripe, in one thread, with processes that may die.

Rule 1: the processor is the fake behind the real library; the ledger is the real SQLite engine.
Rule 2: a process dies at a write, before it or just after it (`Died`); what it had in memory is gone, and another takes over.
Rule 3: nothing runs in threads: the order of things is Trio's, which Hypothesis seeds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

import httpx
import trio

from app.accounts.commands import on_account
from app.ledger.codec import Codec
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import Append, Verdict
from app.payments.crediting import Crediting
from app.payments.inbox import CLAIM_SECONDS, RETRY_SECONDS_MAX
from app.payments.processing import Processing
from app.payments.service import Payments
from app.payments.stripe import StripeVendor
from app.payments.sweep import PaymentSweep, Report
from app.payments.vendor import Vendor
from app.read_models import DecodedLog, SQLiteReadModels
from app.replay.replay import Report as Replayed
from app.replay.replay import replay
from domain import account as accounts
from domain import buckets
from domain.checkout import Pack
from domain.events import Event, UnknownEvent
from projections.runner import Runner

KEY = "sk_test_" + "4eC39HqLyjWDarjtT1zdp7dc"
WEBHOOK_SECRET = "whsec_" + "k3Jq8ZpT1vN5wXrY7bLd2mHs"
PACKS = {
    "starter": Pack("starter", "Starter", 1000, "usd", 10 * 10**9),
    "bonus": Pack("bonus", "Bonus", 900, "usd", 10 * 10**9),
    "euro": Pack("euro", "Euro", 777, "eur", 10**9 + 1),
}
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Died(BaseException):
    """The process is gone: no handler of it runs any more."""


class MortalLedger(SQLiteLedger):
    """A ledger whose process can be made to die at a write, and whose clock can be moved on."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.moved_micros = 0
        self.dies_in: int | None = None
        self.after = False
        self.deaths = 0

    def now_micros(self) -> int:
        return super().now_micros() + self.moved_micros

    def append(self, batch: Sequence[Append]) -> list[Verdict]:
        return self._mortal(lambda: super(MortalLedger, self).append(batch))

    def change(self, *statements: tuple[str, Sequence[Any]]) -> int:
        return self._mortal(lambda: super(MortalLedger, self).change(*statements))

    def _mortal(self, write: Callable[[], T]) -> T:
        if self.dies_in is None:
            return write()
        self.dies_in -= 1
        if self.dies_in >= 0:
            return write()
        self.dies_in = None
        self.deaths += 1
        if self.after:
            write()
        raise Died


class InlinePayments(Payments):
    """What blocks is done at once."""

    async def in_thread(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        await trio.lowlevel.checkpoint()
        return work(*args)


def stripe_over(transport: httpx.AsyncBaseTransport) -> StripeVendor:
    """The real library over a stand-in for the network."""
    return StripeVendor(KEY, WEBHOOK_SECRET, transport=transport)


class House:
    """A ledger, its read models, and processes over them that take payments."""

    def __init__(self, folder: Path) -> None:
        self.ledger = MortalLedger(str(folder / "ledger.db"))
        self.ledger.migrate()
        self.codec = Codec()
        self.views = SQLiteReadModels(str(folder / "ledger.db"))
        self.runner = Runner(DecodedLog(self.ledger, codec=self.codec), self.views)
        self.runner.prepare()
        self._numbers = itertools.count(1)

    def account(self, name: str | None = None) -> str:
        account_id = name or f"acct_{next(self._numbers)}"
        on_account(self.ledger, self.codec, account_id, lambda state: accounts.open_account(state, name="Paying"))
        return account_id

    def process(self, vendor: Vendor, packs: dict[str, Pack] | None = None) -> InlinePayments:
        """A process's payments, with nothing in memory yet."""
        return InlinePayments(
            vendor,
            self.ledger,
            Crediting(self.ledger, self.codec),
            packs=packs or PACKS,
            return_url="http://127.0.0.1:8000/dashboard/billing",
            poke=lambda: None,
            on_outcome=lambda _outcome: None,
        )

    def pass_time(self, seconds: float = CLAIM_SECONDS + RETRY_SECONDS_MAX + 1) -> None:
        """Past every claim and pause, by default."""
        self.ledger.moved_micros += int(seconds * 1_000_000)

    def catch_up(self) -> None:
        while self.runner.step():
            pass

    async def sweep(self, payments: Payments) -> Report:
        self.catch_up()
        return await PaymentSweep(payments, self.views).reconcile(0)

    async def drain(self, payments: Payments) -> None:
        processing = Processing(payments)
        while await processing.drain():
            await trio.lowlevel.checkpoint()

    def events(self) -> list[Event]:
        found = [self.codec.decode(row.topic, row.state) for row in self.ledger.read(0, 1_000_000)]
        return [event for event in found if not isinstance(event, UnknownEvent)]

    def available(self, account_id: str) -> int:
        name = buckets.available(account_id)
        return self.ledger.bucket_values([name])[name]

    def frozen_for(self, account_id: str) -> frozenset[str]:
        events = [event for event in self.events() if getattr(event, "account_id", None) == account_id]
        return accounts.fold(account_id, events).causes

    def replayed(self) -> Replayed:
        self.catch_up()
        return replay(self.ledger, self.views, codec=self.codec)

    def close(self) -> None:
        self.views.close()
        self.ledger.close()
