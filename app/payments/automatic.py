"""Automatic top-ups: charge a saved payment method when the balance falls below a threshold.

Rule 1: off until the account's owner enables them. One charge per crossing: they are armed again when the balance reaches the
threshold.
Rule 2: the monthly ceiling is a guard in the ledger on the start of the checkout, exact across any number of processes.
Rule 3: one update claims and numbers a crossing. If the process dies, the next process first looks for a charge with that number.
Rule 4: a refused payment method disables automatic top-ups, with a visible problem. A frozen account is never charged.

    armed -> charging -> charged -> armed        charging -> ceiling -> armed        charging -> off
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from app.faults import VendorRefused, VendorUnavailable
from app.payments.chores import claim
from app.payments.service import Payments
from app.payments.vendor import Payment, SavedMethod
from domain import buckets
from domain.checkout import Checkout
from domain.errors import AutomaticCeilingReached, TooManyCheckouts
from domain.money import AMOUNT_NANOS_MAX

TURN_SECONDS = 5.0
_COLUMNS = (
    "account_id, enabled, pack_id, threshold_nanos, ceiling_nanos_per_month, customer_id, payment_method_id, crossings, "
    "state, problem"
)
_log = structlog.get_logger("payments.automatic")


@dataclass(frozen=True, slots=True)
class TopUp:
    """A row: an account's settings and the state of its current crossing."""

    account_id: str
    enabled: bool
    pack_id: str
    threshold_nanos: int
    ceiling_nanos_per_month: int
    customer_id: str | None
    payment_method_id: str | None
    crossings: int
    state: str
    problem: str | None

    @property
    def saved(self) -> SavedMethod | None:
        if self.customer_id is None or self.payment_method_id is None:
            return None
        return SavedMethod(self.customer_id, self.payment_method_id)

    @property
    def checkout_id(self) -> str:
        """The checkout id of the current crossing."""
        digest = hashlib.sha256(f"{self.account_id}\0{self.crossings}".encode()).hexdigest()
        return f"co_auto_{digest[:28]}"


class AutomaticTopUps:
    def __init__(self, payments: Payments) -> None:
        self._payments = payments
        self._tables = payments.tables

    def of_account(self, account_id: str) -> TopUp | None:
        """The account's settings, or None if it has saved no payment method yet. Blocks."""
        found = self._rows("WHERE account_id = ?", (account_id,))
        return found[0] if found else None

    def switch(self, account_id: str, *, enabled: bool, pack_id: str, threshold_nanos: int, ceiling_nanos: int) -> bool:
        """Change the settings and clear any problem. A crossing in progress continues. One that was charged stays charged until the
        balance reaches the threshold, unless it is disabled and enabled again. Returns False if no method is saved. Blocks."""
        assert 0 <= threshold_nanos <= AMOUNT_NANOS_MAX
        sql = (
            "UPDATE automatic_top_ups SET enabled = ?, pack_id = ?, threshold_nanos = ?, ceiling_nanos_per_month = ?, "
            "problem = NULL, state = CASE WHEN state = 'charging' OR (state = 'charged' AND enabled = 1 AND ? = 1) "
            "THEN state ELSE 'armed' END "
            "WHERE account_id = ? AND payment_method_id IS NOT NULL"
        )
        on = int(enabled)
        return bool(self._tables.change((sql, (on, pack_id, threshold_nanos, ceiling_nanos, on, account_id))))

    async def turn(self) -> None:
        """Check every account that has it enabled. Raises StoreUnavailable."""
        if not await self._payments.in_thread(claim, self._tables, "automatic top-ups", TURN_SECONDS):
            return
        for row in await self._payments.in_thread(self._rows, "WHERE enabled = 1 OR state = 'charging'", ()):
            try:
                await self._step(row)
            except (VendorUnavailable, VendorRefused) as error:
                _log.warning("automatic top-up postponed", account_id=row.account_id, error=str(error))

    async def _step(self, row: TopUp) -> None:
        if row.state == "charging":
            await self._charge(row, resumed=True)
            return
        available, frozen, ordered = await self._payments.in_thread(self._figures, row.account_id)
        pack = self._payments.packs.get(row.pack_id)
        if available >= row.threshold_nanos:
            await self._move(row, "armed", problem=None)
            return
        if pack is None or frozen or row.state == "charged":
            return
        if row.state == "ceiling" and ordered + pack.credit_nanos > row.ceiling_nanos_per_month:
            return
        if await self._payments.in_thread(self._claim, row):
            [claimed] = await self._payments.in_thread(self._rows, "WHERE account_id = ?", (row.account_id,))
            await self._charge(claimed, resumed=False)

    async def _charge(self, row: TopUp, *, resumed: bool) -> None:
        """Charge a claimed crossing and record the result. Raises VendorUnavailable, VendorRefused, StoreUnavailable."""
        pack, saved = self._payments.packs.get(row.pack_id), row.saved
        if pack is None or saved is None:
            await self._move(row, "off", problem="the pack or the payment method no longer exists")
            return
        try:
            checkout = await self._payments.in_thread(self._start, row)
        except AutomaticCeilingReached as error:
            await self._move(row, "ceiling", problem=str(error))
            return
        except TooManyCheckouts as error:
            await self._move(row, "off", problem=str(error))
            return
        assert checkout.started is not None, "it was started"
        payment = await self._payments.vendor.payment_of(row.checkout_id, saved) if resumed else None
        payment = payment or await self._payments.vendor.charge(checkout.started, saved)
        await self._end(row, payment)

    async def _end(self, row: TopUp, payment: Payment) -> None:
        if payment.failure is None and payment.status not in ("succeeded", "processing"):
            payment = replace(payment, failure=payment.status)
        outcome = await self._payments.settle_payment(payment)
        if payment.failure is not None:
            _log.warning("automatic top-up refused", account_id=row.account_id, code=payment.failure)
            await self._move(row, "off", problem=f"the payment was refused: {payment.failure}")
        elif payment.status == "succeeded":
            _log.info(
                "automatic top-up charged", account_id=row.account_id, payment_id=payment.payment_id, outcome=outcome
            )
            await self._move(row, "charged", problem=None)

    def _start(self, row: TopUp) -> Checkout:
        pack = self._payments.packs[row.pack_id]
        ceiling = row.ceiling_nanos_per_month
        return self._payments.crediting.start(
            row.checkout_id, row.account_id, pack, automatic=True, ceiling_nanos=ceiling
        )

    def _figures(self, account_id: str) -> tuple[int, bool, int]:
        """The available balance, whether the account is frozen, and the total credited by automatic top-ups this month."""
        month = buckets.month_of(self._tables.now_micros())
        names = (
            buckets.available(account_id),
            buckets.frozen(account_id),
            f"{buckets.automatic_top_ups(account_id)}:{month}",
        )
        values = self._payments.ledger.bucket_values(names)
        return values[names[0]], values[names[1]] > 0, values[names[2]]

    def _claim(self, row: TopUp) -> bool:
        sql = (
            "UPDATE automatic_top_ups SET state = 'charging', crossings = crossings + 1 "
            "WHERE account_id = ? AND enabled = 1 AND crossings = ? AND state IN ('armed', 'ceiling')"
        )
        return bool(self._tables.change((sql, (row.account_id, row.crossings))))

    async def _move(self, row: TopUp, state: str, *, problem: str | None) -> None:
        if (row.state, row.problem) == (state, problem):
            return
        sql = (
            "UPDATE automatic_top_ups SET state = ?, problem = ?, enabled = CASE WHEN ? = 'off' THEN 0 ELSE enabled END "
            "WHERE account_id = ? AND crossings = ? AND state = ?"
        )
        await self._payments.in_thread(
            self._tables.change, (sql, (state, problem, state, row.account_id, row.crossings, row.state))
        )

    def _rows(self, where: str, parameters: Sequence[Any]) -> list[TopUp]:
        found = self._tables.select(f"SELECT {_COLUMNS} FROM automatic_top_ups {where}", parameters)  # noqa: S608 - constants
        return [TopUp(row[0], bool(row[1]), *row[2:]) for row in found]
