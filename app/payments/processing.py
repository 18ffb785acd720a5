"""Processes the inbox: looks up each webhook's object at the processor and settles it.

Rule 1: a webhook whose amounts differ from the checkout is refused without a query to the processor.
Rule 2: if the processor or the store is unreachable, or a bug occurs, the row is retried later, for as long as it is kept.
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
import trio

from app.faults import TooManyConflicts, VendorRefused, VendorUnavailable
from app.ledger.store import CommandFailed, StoreUnavailable
from app.payments.inbox import ClaimedWebhook
from app.payments.service import Payments
from app.payments.vendor import Payment, Session
from domain import checkout as checkouts
from domain.errors import NotFound, PaymentMismatch

BATCH = 20
IDLE_SECONDS = 5.0
_log = structlog.get_logger("payments.inbox")


class Processing:
    def __init__(self, payments: Payments) -> None:
        self._payments = payments

    async def turn(self) -> None:
        """Process due webhooks; if there are none, wait for new ones. Raises StoreUnavailable."""
        if not await self.drain():
            with trio.move_on_after(IDLE_SECONDS):
                await self._payments.arrived.wait()
            self._payments.arrived = trio.Event()

    async def drain(self) -> int:
        """Process one batch of due webhooks. Returns their number."""
        batch = await self._payments.in_thread(self._payments.inbox.claim, BATCH)
        for waiting in batch:
            await self.work(waiting)
        return len(batch)

    async def work(self, waiting: ClaimedWebhook) -> None:
        """Process one webhook, or postpone it."""
        inbox, in_thread = self._payments.inbox, self._payments.in_thread
        try:
            outcome = await self._outcome(waiting)
        except (VendorUnavailable, VendorRefused, StoreUnavailable, TooManyConflicts, CommandFailed) as error:
            _log.warning("webhook postponed", event_id=waiting.event_id, type=waiting.type, error=str(error))
            await in_thread(inbox.postpone, waiting, f"postponed: {type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - a bug in processing one webhook must not block the others
            _log.exception("unexpected error while processing a webhook", event_id=waiting.event_id)
            await in_thread(inbox.postpone, waiting, f"postponed: {type(error).__name__}")
        else:
            _log.info("webhook processed", event_id=waiting.event_id, type=waiting.type, outcome=outcome)
            await in_thread(inbox.done, waiting.event_id, outcome)

    async def _outcome(self, waiting: ClaimedWebhook) -> str:
        event: dict[str, Any] = msgspec.json.decode(waiting.payload)
        if event.get("account") is not None:
            return self._payments.refuse(waiting.event_id, PaymentMismatch("account", "ours", event["account"]))
        document: dict[str, Any] = event["data"]["object"]
        family = waiting.type.rpartition(".")[0]
        if family == "checkout.session" or waiting.type.startswith("checkout.session."):
            return await self._of_session(document)
        if family == "payment_intent":
            return await self._of_payment(document)
        if family == "charge.dispute":
            return await self._of_payments_return(document)
        if family in ("charge", "refund", "charge.refund"):
            return await self._of_payments_return(document)
        return "ignored"

    async def _of_session(self, claimed: dict[str, Any]) -> str:
        refused = await self._claim_refused(claimed, claimed.get("amount_total"))
        if refused is not None:
            return refused
        session = await self._payments.vendor.session(claimed["id"])
        return "no such session" if session is None else await self._payments.settle_session(session)

    async def _of_payment(self, claimed: dict[str, Any]) -> str:
        if not (claimed.get("metadata") or {}).get("checkout_id"):
            return "not ours"
        refused = await self._claim_refused(claimed, claimed.get("amount"))
        if refused is not None:
            return refused
        payment = await self._payments.vendor.payment(claimed["id"])
        if payment is None:
            return "no such payment"
        session = await self._session_of(payment)
        return await (
            self._payments.settle_payment(payment) if session is None else self._payments.settle_session(session)
        )

    async def _session_of(self, payment: Payment) -> Session | None:
        """The session that a payment completed, which has more details, if the payment is not credited yet."""
        if payment.status != "succeeded":
            return None
        settled = await self._payments.in_thread(self._payments.crediting.settled, payment.payment_id)
        if settled is not None:
            return None
        session = await self._payments.vendor.session_of(payment.payment_id)
        return session if session is not None and session.paid else None

    async def _of_payments_return(self, claimed: dict[str, Any]) -> str:
        payment_id = claimed.get("payment_intent")
        if isinstance(payment_id, dict):
            payment_id = payment_id.get("id")
        return await self._payments.settle_returns(payment_id) if payment_id else "not ours"

    async def _claim_refused(self, claimed: dict[str, Any], amount_minor: int | None) -> str | None:
        """Why the webhook's object does not match our checkout, or None if it may match."""
        metadata = claimed.get("metadata") or {}
        checkout_id = claimed.get("client_reference_id") or metadata.get("checkout_id")
        if not isinstance(checkout_id, str):
            return "not ours"
        checkout = await self._payments.in_thread(self._payments.crediting.checkout, checkout_id)
        reported = {"account_id": metadata.get("account_id"), "currency": claimed.get("currency")}
        try:
            checkouts.check_paid(checkout, amount_minor=amount_minor, **reported)
        except NotFound:
            return "not ours"
        except PaymentMismatch as mismatch:
            return self._payments.refuse(checkout_id, mismatch)
        return None
