"""The sweep: compares the processor's records with ours, credits what was missed, and lists the remaining differences.

Rule 1: it takes the same path as a webhook: `Payments` settles every payment, refund and dispute, and credits nothing twice.
Rule 2: webhooks that never arrived are copied from the processor's own event log into the inbox.
Rule 3: remaining differences are listed, never forced.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec
import structlog
import trio

from app.faults import VendorRefused, VendorUnavailable
from app.payments.chores import claim
from app.payments.processing import Processing
from app.payments.service import Payments
from app.payments.vendor import Session
from app.read_models import ReadModels
from app.read_models.answers import Payment as CreditedPayment
from app.read_models.queries import ROWS_MAX
from domain.buckets import MICROS_PER_SECOND

TURN_SECONDS = 60.0
SWEEP_SECONDS = 3_600.0
SWEEP_DAYS = 3
"""How long the processor retries webhooks."""
PURGE_SECONDS = 86_400.0
DAYS_DEFAULT = 35
ANNOUNCED_DAYS_MAX = 30
"""How long the processor keeps its own event log."""
_DAY_SECONDS = 86_400
_log = structlog.get_logger("payments.sweep")


class Discrepancy(msgspec.Struct, frozen=True):
    """`what` differs at `id`: `ours` is in the ledger, `theirs` at the processor. Amounts in the currency's smallest unit."""

    what: str
    id: str
    ours: str
    theirs: str


class Totals(msgspec.Struct):
    """Amounts paid and returned in one currency, in its smallest unit."""

    paid_minor: int = 0
    returned_minor: int = 0


class Report(msgspec.Struct, frozen=True):
    """The result of a sweep since an instant (seconds since 1970): payments checked, corrected and found to differ. `ours` and
    `theirs` are totals by currency over the checked payments."""

    since: int
    checked: int
    put_right: tuple[str, ...]
    differences: tuple[Discrepancy, ...]
    ours: dict[str, Totals]
    theirs: dict[str, Totals]

    @property
    def ok(self) -> bool:
        return not self.differences


class PaymentSweep:
    """`views`: the read models, which list our credited payments."""

    def __init__(self, payments: Payments, read_models: ReadModels) -> None:
        self._payments = payments
        self._read_models = read_models

    async def turn(self) -> None:
        """The scheduled work: an hourly sweep over the last SWEEP_DAYS, and a daily purge. Raises StoreUnavailable."""
        tables, in_thread = self._payments.tables, self._payments.in_thread
        if await in_thread(claim, tables, "inbox purge", PURGE_SECONDS):
            _log.info("old webhooks purged", rows=await in_thread(self._payments.inbox.purge))
        if await in_thread(claim, tables, "payments sweep", SWEEP_SECONDS):
            try:
                report = await self.reconcile(int(tables.now_micros() / MICROS_PER_SECOND) - SWEEP_DAYS * _DAY_SECONDS)
            except (VendorUnavailable, VendorRefused) as error:
                _log.warning("payments sweep postponed", error=str(error))
                return
            for difference in report.differences:
                _log.error("payments differ", **msgspec.structs.asdict(difference))
            _log.info("payments sweep finished", checked=report.checked, put_right=len(report.put_right))

    async def reconcile(self, since: int) -> Report:
        """Settle everything that the processor created since an instant, and compare. Raises VendorUnavailable, VendorRefused,
        StoreUnavailable."""
        run = _Run(self._payments, since)
        await self._take_in(since)
        await run.settle()
        seen = set(run.theirs)
        async with aclosing(self._credited(since)) as credited_here:
            async for credited in credited_here:
                await run.only_ours(credited, seen)
        return await run.report()

    async def _take_in(self, since: int) -> None:
        """Process the webhooks that never arrived, and the stored ones that are still waiting."""
        payments = self._payments
        now = int(await payments.in_thread(payments.tables.now_micros) / MICROS_PER_SECOND)
        since = max(since, now - ANNOUNCED_DAYS_MAX * _DAY_SECONDS)
        async with aclosing(payments.vendor.notices(since)) as notices:
            async for notice, payload in notices:
                await payments.in_thread(payments.inbox.put, notice, payload)
        processing = Processing(payments)
        while await processing.drain():
            await trio.lowlevel.checkpoint()

    async def _credited(self, since: int) -> AsyncGenerator[CreditedPayment, None]:
        after = ""
        while True:
            found = await self._payments.in_thread(
                lambda after=after: (
                    self._read_models.payments(
                        since_micros=since * MICROS_PER_SECOND, after=after, limit=ROWS_MAX
                    ).value
                )  # type: ignore[misc]
            )
            for each in found:
                yield each
            if len(found) < ROWS_MAX:
                return
            after = found[-1].payment_id


class _Run:
    """One sweep: the processor's report of each of our payments, and the outcome of settling it again."""

    def __init__(self, payments: Payments, since: int) -> None:
        self._payments = payments
        self._since = since
        self.theirs: dict[str, tuple[str, int]] = {}
        """payment -> (currency, paid)"""
        self._returned: dict[str, dict[str, int]] = defaultdict(dict)
        """payment -> refund or dispute -> amount taken"""
        self._put_right: list[str] = []
        self._differences: list[Discrepancy] = []

    async def settle(self) -> None:
        payments, vendor = self._payments, self._payments.vendor
        async with aclosing(vendor.sessions(self._since)) as sessions:
            async for session in sessions:
                await self._settle_session(session)
        async with aclosing(vendor.payments(self._since)) as intents:
            async for payment in intents:
                if payment.payment_id not in self.theirs and payment.status == "succeeded":
                    outcome = await payments.settle_payment(payment)
                    if outcome != "not ours":
                        self._seen(payment.payment_id, payment.currency, payment.amount_minor, outcome)
        await self._settle_returns()

    async def _settle_session(self, session: Session) -> None:
        outcome = await self._payments.settle_session(session)
        if session.paid and session.payment_id is not None and outcome != "not ours":
            self._seen(session.payment_id, session.currency, session.amount_minor, outcome)
        elif session.paid and session.payment_id is not None and session.account_id is not None:
            # It carries our metadata, but our ledger has no such checkout: the ledger may have been restored from a copy.
            theirs = f"{session.amount_minor} {session.currency}"
            self._differences.append(Discrepancy("unknown order", session.payment_id, "none", theirs))
        elif outcome in ("expired", "failed"):
            self._put_right.append(f"{session.checkout_id}: {outcome}")

    async def _settle_returns(self) -> None:
        vendor = self._payments.vendor
        touched = {refund.payment_id async for refund in vendor.refunds(self._since)}
        touched |= {dispute.payment_id async for dispute in vendor.disputes(self._since)}
        for payment_id in sorted(each for each in touched if each is not None):
            outcome = await self._payments.settle_returns(payment_id)
            if outcome == "returned":
                self._put_right.append(f"{payment_id}: returned")
            elif outcome.startswith("refused"):
                self._differences.append(Discrepancy("return", payment_id, outcome, "a refund or dispute"))

    async def only_ours(self, credited: CreditedPayment, seen: set[str]) -> None:
        """Look up by id a payment that we credited but the processor's lists did not contain."""
        if credited.payment_id in seen:
            return
        payment = await self._payments.vendor.payment(credited.payment_id)
        if payment is None or payment.status != "succeeded":
            theirs = "none" if payment is None else payment.status
            self._differences.append(Discrepancy("payment", credited.payment_id, str(credited.amount_minor), theirs))
            return
        self.theirs[credited.payment_id] = (payment.currency or "", payment.amount_minor or 0)

    async def report(self) -> Report:
        ours: dict[str, Totals] = defaultdict(Totals)
        theirs: dict[str, Totals] = defaultdict(Totals)
        for payment_id, (currency, paid) in sorted(self.theirs.items()):
            returned = await self._returned_there(payment_id)
            settled = await self._payments.in_thread(self._payments.crediting.settled, payment_id)
            booked = await self._payments.in_thread(self._payments.crediting.returned, payment_id)
            theirs[currency].paid_minor += paid
            theirs[currency].returned_minor += returned
            self._compare("payment", payment_id, None if settled is None else settled.amount_minor, paid)
            if settled is not None:
                ours[settled.currency].paid_minor += settled.amount_minor
                ours[settled.currency].returned_minor += booked.amount_minor
                self._compare("returned", payment_id, booked.amount_minor, returned)
        put_right, differences = tuple(self._put_right), tuple(self._differences)
        return Report(self._since, len(self.theirs), put_right, differences, dict(ours), dict(theirs))

    async def _returned_there(self, payment_id: str) -> int:
        vendor, total = self._payments.vendor, 0
        async for refund in vendor.refunds_of(payment_id):
            total += refund.amount_minor if refund.status in ("succeeded", "pending") else 0
        async for dispute in vendor.disputes_of(payment_id):
            total += dispute.amount_minor if dispute.withdrawn and not dispute.reinstated else 0
        return total

    def _compare(self, what: str, payment_id: str, ours: int | None, theirs: int) -> None:
        if ours != theirs:
            self._differences.append(Discrepancy(what, payment_id, "none" if ours is None else str(ours), str(theirs)))

    def _seen(self, payment_id: str, currency: str | None, amount_minor: int | None, outcome: str) -> None:
        self.theirs[payment_id] = (currency or "", amount_minor or 0)
        if outcome == "credited":
            self._put_right.append(f"{payment_id}: credited")
        elif outcome.startswith("refused"):
            self._differences.append(Discrepancy("order", payment_id, outcome, f"{amount_minor} {currency}"))


def since_days(days: int, now_micros: int) -> int:
    """The instant `days` ago, in seconds since 1970."""
    return max(0, now_micros // MICROS_PER_SECOND - days * _DAY_SECONDS)


def lines_of(totals: dict[str, Totals]) -> dict[str, Any]:
    """The totals as plain values for a command's result."""
    return {currency: msgspec.structs.asdict(each) for currency, each in sorted(totals.items())}
