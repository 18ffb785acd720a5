"""Stripe as we use it: sessions, payment intents, refunds, disputes, events, idempotency keys. Pure: no socket, no clock.

Rule 1: objects have the members and words of the real API, as far as its library and our code read them.
Rule 2: whatever changes an object announces it: an event with a snapshot of it, and a delivery that waits for the test.
Rule 3: an act that the object's state does not allow raises ValueError and changes nothing.
Source: docs.stripe.com/api, and the types of the library.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any

import stripe

Object = dict[str, Any]
IDEMPOTENT_SECONDS = 86_400


class StripeError(Exception):
    """An answer that is an error: its status and its body."""

    def __init__(self, status: int, type: str, code: str | None, message: str = "no", **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": type, "code": code, "message": message, **more}}


class StripeState:
    """The state of one Stripe account. `prefix` distinguishes the ids of several accounts; `outcomes` decide the results of
    automatic charges, which succeed by default."""

    def __init__(self, seed: int = 0, prefix: str = "") -> None:
        self.sessions: dict[str, Object] = {}
        self.intents: dict[str, Object] = {}
        self.refunds: dict[str, Object] = {}
        self.disputes: dict[str, Object] = {}
        self.events: list[Object] = []
        self.deliveries: list[Object] = []
        self.outcomes: list[str] = []
        self.now = int(time.time())
        self._idempotent: dict[str, tuple[str, int, Any]] = {}
        self._draw = random.Random(seed)
        self._prefix = prefix

    # -- What the API does -------------------------------------------------------------------------------------------

    def once(self, key: str | None, asked: str, act: Callable[[], Object]) -> Object:
        """The result of `act`, or its earlier result under this idempotency key."""
        if key is None:
            return act()
        there = self._idempotent.get(key)
        if there is not None and self.now - there[1] < IDEMPOTENT_SECONDS:
            if there[0] != asked:
                raise StripeError(400, "idempotency_error", None, "Keys for idempotent requests can only be used once.")
            if isinstance(there[2], StripeError):
                raise there[2]
            before: Object = _copied(there[2])
            return before
        try:
            done = act()
        except StripeError as error:
            self._idempotent[key] = (asked, self.now, error)
            raise
        self._idempotent[key] = (asked, self.now, _copied(done))
        return done

    def create_session(self, params: Object) -> Object:
        [item] = params["line_items"]
        price = item["price_data"]
        of_intent = params.get("payment_intent_data") or {}
        session = {
            "id": self._id("cs_test"),
            "object": "checkout.session",
            "mode": params["mode"],
            "status": "open",
            "payment_status": "unpaid",
            "amount_total": int(price["unit_amount"]) * int(item["quantity"]),
            "currency": price["currency"],
            "client_reference_id": params.get("client_reference_id"),
            "metadata": params.get("metadata") or {},
            "payment_intent": None,
            "customer": None,
            "url": "https://checkout.stripe.test/c/pay/" + self._id("x"),
            "success_url": params.get("success_url"),
            "created": self.now,
            "livemode": False,
            "_intent": of_intent,
            "_customer": params.get("customer_creation") == "always",
        }
        self.sessions[str(session["id"])] = session
        return session

    def create_intent(self, params: Object) -> Object:
        """Off session and confirmed: an automatic charge."""
        outcome = self.outcomes.pop(0) if self.outcomes else "succeeded"
        intent = self._intent(int(params["amount"]), params["currency"], params.get("metadata") or {})
        intent |= {"customer": params.get("customer"), "payment_method": params.get("payment_method")}
        if outcome in ("succeeded", "processing"):
            intent["status"] = outcome
            if outcome == "succeeded":
                self._receive(intent)
            return intent
        intent["status"] = "requires_payment_method"
        intent["last_payment_error"] = {"code": outcome, "type": "card_error"}
        self._announce("payment_intent.payment_failed", intent)
        raise StripeError(402, "card_error", outcome, payment_intent=shown_of(intent))

    # -- What customers do -------------------------------------------------------------------------------------------

    def pay(self, session_id: str) -> None:
        session = self._open(session_id)
        intent = self._paid_by(session)
        self._receive(intent)
        session |= {"status": "complete", "payment_status": "paid", "url": None}
        self._announce("checkout.session.completed", session)

    def pay_later(self, session_id: str) -> None:
        """With a method that takes days."""
        session = self._open(session_id)
        self._paid_by(session)["status"] = "processing"
        session |= {"status": "complete", "url": None}
        self._announce("checkout.session.completed", session)

    def settle_later(self, session_id: str) -> None:
        session, intent = self._waiting(session_id)
        self._receive(intent)
        session["payment_status"] = "paid"
        self._announce("checkout.session.async_payment_succeeded", session)

    def fail_later(self, session_id: str) -> None:
        session, intent = self._waiting(session_id)
        intent |= {"status": "requires_payment_method", "last_payment_error": {"code": "payment_failed"}}
        self._announce("payment_intent.payment_failed", intent)
        self._announce("checkout.session.async_payment_failed", session)

    def expire(self, session_id: str) -> None:
        self._open(session_id).update(status="expired", url=None)
        self._announce("checkout.session.expired", self.sessions[session_id])

    def decline(self, session_id: str) -> None:
        """The card is declined; the session stays open."""
        self._open(session_id)

    def settle_intent(self, payment_id: str) -> None:
        """An automatic charge that was processing."""
        intent = self.intents[payment_id]
        _expect(intent["status"] == "processing")
        self._receive(intent)

    # -- Money back --------------------------------------------------------------------------------------------------

    def refund(self, payment_id: str, amount: int, status: str = "succeeded") -> str:
        _expect(0 < amount <= self.refundable(payment_id))
        intent = self.intents[payment_id]
        refund = {
            "id": self._id("re"),
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "payment_intent": payment_id,
            "charge": intent["latest_charge"],
            "status": status,
            "created": self.now,
        }
        self.refunds[str(refund["id"])] = refund
        self._announce("refund.created", refund)
        refunded = sum(each["amount"] for each in self._refunds_of(payment_id))
        charge = {"id": intent["latest_charge"], "object": "charge", "payment_intent": payment_id}
        self._announce("charge.refunded", {**charge, "amount_refunded": refunded})
        return str(refund["id"])

    def settle_refund(self, refund_id: str) -> None:
        refund = self.refunds[refund_id]
        _expect(refund["status"] == "pending")
        refund["status"] = "succeeded"
        self._announce("refund.updated", refund)

    def fail_refund(self, refund_id: str) -> None:
        refund = self.refunds[refund_id]
        _expect(refund["status"] in ("pending", "succeeded"))
        refund["status"] = "failed"
        self._announce("refund.failed", refund)

    def refundable(self, payment_id: str) -> int:
        paid: int = self.intents[payment_id]["amount_received"]
        left: int = paid - sum(each["amount"] for each in self._refunds_of(payment_id))
        return left

    def dispute(self, payment_id: str, amount: int) -> str:
        intent = self.intents[payment_id]
        _expect(0 < amount <= intent["amount_received"])
        _expect(not any(each["payment_intent"] == payment_id for each in self.disputes.values()))
        dispute = {
            "id": self._id("du"),
            "object": "dispute",
            "amount": amount,
            "currency": intent["currency"],
            "payment_intent": payment_id,
            "charge": intent["latest_charge"],
            "status": "needs_response",
            "balance_transactions": [{"id": self._id("txn"), "amount": -amount, "type": "adjustment"}],
            "created": self.now,
        }
        self.disputes[str(dispute["id"])] = dispute
        self._announce("charge.dispute.created", dispute)
        self._announce("charge.dispute.funds_withdrawn", dispute)
        return str(dispute["id"])

    def win_dispute(self, dispute_id: str) -> None:
        dispute = self.disputes[dispute_id]
        _expect(dispute["status"] == "needs_response")
        back = {"id": self._id("txn"), "amount": dispute["amount"], "type": "adjustment"}
        dispute |= {"status": "won", "balance_transactions": [*dispute["balance_transactions"], back]}
        self._announce("charge.dispute.funds_reinstated", dispute)
        self._announce("charge.dispute.closed", dispute)

    def lose_dispute(self, dispute_id: str) -> None:
        dispute = self.disputes[dispute_id]
        _expect(dispute["status"] == "needs_response")
        dispute["status"] = "lost"
        self._announce("charge.dispute.closed", dispute)

    # -- For tests --------------------------------------------------------------------------------------------------

    def succeeded(self) -> list[str]:
        return [intent["id"] for intent in self.intents.values() if intent["status"] == "succeeded"]

    def paid_minor(self, currency: str) -> int:
        of = (each for each in self.intents.values() if each["currency"] == currency)
        return sum(intent["amount_received"] for intent in of)

    def refunded_minor(self, currency: str) -> int:
        posted = (each for each in self.refunds.values() if each["status"] in ("pending", "succeeded"))
        return sum(refund["amount"] for refund in posted if refund["currency"] == currency)

    def withdrawn_minor(self, currency: str) -> int:
        """Less what was won back."""
        of = (each for each in self.disputes.values() if each["currency"] == currency)
        moved: int = sum(each["amount"] for dispute in of for each in dispute["balance_transactions"])
        return -moved

    def signed(self, event: Object, secret: str, timestamp: int | None = None) -> tuple[bytes, str]:
        """A webhook's body and its Stripe-Signature, by the library's own generator."""
        body = json.dumps(event)
        return body.encode(), stripe.WebhookSignature.generate_signature_header(body, secret, timestamp)

    # -- Inside ------------------------------------------------------------------------------------------------------

    def _open(self, session_id: str) -> Object:
        session = self.sessions[session_id]
        _expect(session["status"] == "open")
        return session

    def _waiting(self, session_id: str) -> tuple[Object, Object]:
        session = self.sessions[session_id]
        _expect(session["status"] == "complete" and session["payment_status"] == "unpaid")
        intent = self.intents[session["payment_intent"]]
        _expect(intent["status"] == "processing")
        return session, intent

    def _paid_by(self, session: Object) -> Object:
        of_intent = session["_intent"]
        intent = self._intent(session["amount_total"], session["currency"], of_intent.get("metadata") or {})
        intent["setup_future_usage"] = of_intent.get("setup_future_usage")
        if session["_customer"]:
            session["customer"] = intent["customer"] = self._id("cus")
            intent["payment_method"] = self._id("pm")
        session["payment_intent"] = intent["id"]
        return intent

    def _intent(self, amount: int, currency: str, metadata: Object) -> Object:
        intent: Object = {
            "id": self._id("pi"),
            "object": "payment_intent",
            "amount": amount,
            "amount_received": 0,
            "currency": currency,
            "status": "requires_payment_method",
            "metadata": metadata,
            "customer": None,
            "payment_method": None,
            "latest_charge": None,
            "last_payment_error": None,
            "created": self.now,
            "livemode": False,
        }
        self.intents[intent["id"]] = intent
        return intent

    def _receive(self, intent: Object) -> None:
        intent |= {"status": "succeeded", "amount_received": intent["amount"], "latest_charge": self._id("ch")}
        self._announce("payment_intent.succeeded", intent)

    def _refunds_of(self, payment_id: str) -> list[Object]:
        of = (each for each in self.refunds.values() if each["payment_intent"] == payment_id)
        return [refund for refund in of if refund["status"] not in ("failed", "canceled")]

    def _announce(self, type: str, subject: Object) -> None:
        event = {
            "id": self._id("evt"),
            "object": "event",
            "type": type,
            "created": self.now,
            "livemode": False,
            "data": {"object": shown_of(subject)},
        }
        self.events.append(event)
        self.deliveries.append(event)

    def _id(self, kind: str) -> str:
        return f"{kind}_{self._prefix}{self._draw.getrandbits(64):016x}"


def shown_of(subject: Object) -> Object:
    """An independent copy, without the members that only the fake has."""
    shown: Object = _copied({name: value for name, value in subject.items() if not name.startswith("_")})
    return shown


def _copied(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _expect(condition: bool) -> None:
    if not condition:
        raise ValueError("Stripe would not do this now")
