"""A simulated payment processor for demo and development: a local page to pay, decline or leave, without money.

Rule 1: it is served only if the gateway is bound to loopback; other settings are refused.
Rule 2: it sends webhooks through the inbox and answers calls like the real processor, so payments take the same path as in
production.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

import msgspec
import trio

from app.faults import BadSignature, VendorRefused
from app.ledger.store import Tables
from app.payments.vendor import Dispute, Notice, Payment, Refund, SavedMethod, Session
from domain.buckets import MICROS_PER_SECOND
from domain.events import CheckoutStarted

SAVED = SavedMethod("cus_simulated", "pm_simulated")
THREADS = 4
T = TypeVar("T")


class Simulated(msgspec.Struct):
    """A session as the simulator stores it."""

    session_id: str
    checkout_id: str
    account_id: str
    product: str
    amount_minor: int
    currency: str
    return_url: str
    save: bool
    status: str = "open"
    payment_id: str | None = None
    declined: bool = False


class SimulatedVendor:
    """`base_url` is the URL of its payment page."""

    name = "simulator"
    livemode = False

    def __init__(self, tables: Tables, base_url: str) -> None:
        self._tables = tables
        self._base_url = base_url
        self._threads = trio.CapacityLimiter(THREADS)

    # -- Its payment page ---------------------------------------------------------------------------------------------

    async def find(self, session_id: str) -> Simulated | None:
        return await self._in_thread(lambda: self._load(session_id))

    async def pay(self, session_id: str) -> tuple[Notice, bytes] | None:
        """Pay the session. Returns the webhook, or None if the session had ended."""
        return await self._in_thread(lambda: self._close(session_id))

    async def decline(self, session_id: str) -> Simulated | None:
        """Decline the card; the customer may try another one."""
        return await self._in_thread(lambda: self._decline(session_id))

    # -- The Vendor interface -----------------------------------------------------------------------------------------

    async def open_session(self, order: CheckoutStarted, *, product: str, return_url: str, save: bool) -> Session:
        made = Simulated(
            session_id=f"cs_sim_{order.checkout_id}",
            checkout_id=order.checkout_id,
            account_id=order.account_id,
            product=product,
            amount_minor=order.amount_minor,
            currency=order.currency,
            return_url=f"{return_url}?checkout={order.checkout_id}",
            save=save,
        )
        there = await self._in_thread(lambda: self._put_new(made))
        return self._session(there)

    async def session(self, session_id: str) -> Session | None:
        found = await self.find(session_id)
        return None if found is None else self._session(found)

    async def session_of(self, payment_id: str) -> Session | None:
        found = await self._in_thread(lambda: [one for one in self._all(0) if one.payment_id == payment_id])
        return self._session(found[0]) if found and found[0].session_id.startswith("cs_") else None

    async def sessions(self, since: int) -> AsyncGenerator[Session, None]:
        for found in await self._in_thread(lambda: self._all(since)):
            if found.session_id.startswith("cs_"):
                yield self._session(found)

    async def charge(self, order: CheckoutStarted, saved: SavedMethod) -> Payment:
        made = Simulated(
            session_id=f"auto_{order.checkout_id}",
            checkout_id=order.checkout_id,
            account_id=order.account_id,
            product="",
            amount_minor=order.amount_minor,
            currency=order.currency,
            return_url="",
            save=False,
            status="complete",
            payment_id=f"pi_sim_{secrets.token_hex(8)}",
        )
        return _payment(await self._in_thread(lambda: self._put_new(made)))

    async def payment(self, payment_id: str) -> Payment | None:
        found = await self._in_thread(lambda: [one for one in self._all(0) if one.payment_id == payment_id])
        return _payment(found[0]) if found else None

    async def payment_of(self, checkout_id: str, saved: SavedMethod) -> Payment | None:
        found = await self.find(f"auto_{checkout_id}")
        return None if found is None else _payment(found)

    async def payments(self, since: int) -> AsyncGenerator[Payment, None]:
        for found in await self._in_thread(lambda: self._all(since)):
            if found.payment_id is not None:
                yield _payment(found)

    async def refunds_of(self, payment_id: str) -> AsyncGenerator[Refund, None]:
        for refund in _NO_REFUNDS:
            yield refund

    async def refunds(self, since: int) -> AsyncGenerator[Refund, None]:
        for refund in _NO_REFUNDS:
            yield refund

    async def dispute(self, dispute_id: str) -> Dispute | None:
        return None

    async def disputes_of(self, payment_id: str) -> AsyncGenerator[Dispute, None]:
        for dispute in _NO_DISPUTES:
            yield dispute

    async def disputes(self, since: int) -> AsyncGenerator[Dispute, None]:
        for dispute in _NO_DISPUTES:
            yield dispute

    async def notices(self, since: int) -> AsyncGenerator[tuple[Notice, bytes], None]:
        for found in await self._in_thread(lambda: self._all(since)):
            if found.session_id.startswith("cs_") and found.status == "complete":
                yield _notice(found)

    def verify(self, payload: bytes, signature: str | None) -> Notice:
        raise BadSignature("the simulator sends no webhooks")

    async def aclose(self) -> None:
        """Does nothing: no resource is kept open."""

    # -- Its table ---------------------------------------------------------------------------------------------------

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(work, limiter=self._threads)

    def _load(self, session_id: str) -> Simulated | None:
        rows = self._tables.select("SELECT document FROM simulated_payments WHERE session_id = ?", (session_id,))
        return msgspec.json.decode(bytes(rows[0][0]), type=Simulated) if rows else None

    def _all(self, since: int) -> list[Simulated]:
        sql = "SELECT document FROM simulated_payments WHERE created_at_micros >= ? ORDER BY created_at_micros, session_id"
        rows = self._tables.select(sql, (since * MICROS_PER_SECOND,))
        return [msgspec.json.decode(bytes(row[0]), type=Simulated) for row in rows]

    def _put_new(self, made: Simulated) -> Simulated:
        sql = (
            "INSERT INTO simulated_payments (session_id, document, created_at_micros) VALUES (?, ?, ?) "
            "ON CONFLICT (session_id) DO NOTHING"
        )
        self._tables.change((sql, (made.session_id, msgspec.json.encode(made), self._tables.now_micros())))
        there = self._load(made.session_id)
        if there is None:
            raise VendorRefused("the session no longer exists")
        return there

    def _close(self, session_id: str) -> tuple[Notice, bytes] | None:
        before = self._load(session_id)
        if before is None or before.status != "open":
            return None
        payment_id = f"pi_sim_{secrets.token_hex(8)}"
        paid = msgspec.structs.replace(before, status="complete", payment_id=payment_id, declined=False)
        return _notice(paid) if self._swap(before, paid) else None

    def _decline(self, session_id: str) -> Simulated | None:
        before = self._load(session_id)
        if before is None or before.status != "open":
            return before
        self._swap(before, msgspec.structs.replace(before, declined=True))
        return self._load(session_id)

    def _swap(self, before: Simulated, after: Simulated) -> bool:
        sql = "UPDATE simulated_payments SET document = ? WHERE session_id = ? AND document = ?"
        parameters = (msgspec.json.encode(after), before.session_id, msgspec.json.encode(before))
        return bool(self._tables.change((sql, parameters)))

    def _session(self, found: Simulated) -> Session:
        return Session(
            session_id=found.session_id,
            checkout_id=found.checkout_id,
            account_id=found.account_id,
            status=found.status,
            paid=found.status == "complete",
            amount_minor=found.amount_minor,
            currency=found.currency,
            payment_id=found.payment_id,
            url=f"{self._base_url}/simulator/pay/{found.session_id}" if found.status == "open" else None,
            saved=SAVED if found.save and found.status == "complete" else None,
        )


_NO_REFUNDS: tuple[Refund, ...] = ()
_NO_DISPUTES: tuple[Dispute, ...] = ()


def _payment(found: Simulated) -> Payment:
    assert found.payment_id is not None, "it was paid"
    ours = (found.checkout_id, found.account_id)
    return Payment(found.payment_id, *ours, "succeeded", found.amount_minor, found.currency)


def _notice(paid: Simulated) -> tuple[Notice, bytes]:
    document = {
        "id": paid.session_id,
        "object": "checkout.session",
        "client_reference_id": paid.checkout_id,
        "metadata": {"checkout_id": paid.checkout_id, "account_id": paid.account_id},
        "amount_total": paid.amount_minor,
        "currency": paid.currency,
    }
    event_id, type_ = f"evt_{paid.session_id}", "checkout.session.completed"
    event = {"id": event_id, "type": type_, "data": {"object": document}, "livemode": False}
    return Notice(event_id, type_, document), msgspec.json.encode(event)
