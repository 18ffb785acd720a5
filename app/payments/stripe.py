"""The Stripe payment processor, through Stripe's own library on Trio.

Rule 1: a session's amounts, names and metadata come from our own checkout. The checkout id is the idempotency key, so a call whose
answer was lost can be repeated.
Rule 2: the library's errors are mapped here, once. Stripe's own text does not appear in messages to customers.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import httpx
import msgspec
import stripe
import trio

from app.faults import BadSignature, VendorRefused, VendorUnavailable
from app.payments.vendor import Dispute, Notice, Payment, Refund, SavedMethod, Session
from domain.events import CheckoutStarted, Tax

TIMEOUT_SECONDS = 20.0
CALL_SECONDS = 90.0
"""The limit for a whole call, including retries, so that a server that drips bytes cannot stall it."""
RETRIES = 2
"""Made by the library, with one idempotency key."""
PAGE = 100
SIGNATURE_SECONDS = 300
TYPES = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.refunded",
    "charge.refund.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
"""The event types that the webhook endpoint must subscribe to."""
T = TypeVar("T")


class _HttpClient(stripe.HTTPXClient):
    """The library's client. It passes encoded bodies to httpx as `data`, which is deprecated. This subclass uses `content`."""

    def _get_request_args_kwargs(self, method: str, url: str, headers: Mapping[str, str], post_data: Any) -> Any:
        args, kwargs = super()._get_request_args_kwargs(method, url, headers, None)
        kwargs.pop("data", None)
        return [args, {**kwargs, "content": post_data} if post_data else kwargs]


class StripeVendor:
    """One client for the process. `transport` replaces the network in tests."""

    name = "stripe"

    def __init__(
        self,
        secret_key: str,
        webhook_secret: str,
        *,
        api_base: str = "https://api.stripe.com",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._webhook_secret = webhook_secret
        self.livemode = "_live_" in secret_key
        self._http = _HttpClient(timeout=TIMEOUT_SECONDS)
        if transport is not None:
            self._http._client_async = httpx.AsyncClient(transport=transport)  # noqa: SLF001 - no public way to one
        self._client = stripe.StripeClient(
            secret_key,
            http_client=self._http,
            base_addresses={"api": api_base},
            max_network_retries=RETRIES if transport is None else 0,
        )
        self._api = self._client.v1

    async def open_session(self, order: CheckoutStarted, *, product: str, return_url: str, save: bool) -> Session:
        ours = {"checkout_id": order.checkout_id, "account_id": order.account_id}
        of_intent: dict[str, Any] = {"metadata": ours}
        if save:
            of_intent["setup_future_usage"] = "off_session"
        params: Any = {
            "mode": "payment",
            "client_reference_id": order.checkout_id,
            "metadata": ours,
            "payment_intent_data": of_intent,
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": order.currency,
                        "unit_amount": order.amount_minor,
                        "product_data": {"name": product},
                    },
                }
            ],
            "success_url": f"{return_url}?checkout={order.checkout_id}",
            "cancel_url": f"{return_url}?checkout={order.checkout_id}&left=1",
        }
        if save:
            params["customer_creation"] = "always"
        options: Any = {"idempotency_key": order.checkout_id}
        return _session(_plain(await _call(lambda: self._api.checkout.sessions.create_async(params, options))))

    async def session(self, session_id: str) -> Session | None:
        params: Any = {"expand": ["payment_intent"]}
        found = await _found(lambda: self._api.checkout.sessions.retrieve_async(session_id, params))
        return None if found is None else _session(_plain(found))

    async def session_of(self, payment_id: str) -> Session | None:
        params: Any = {"payment_intent": payment_id, "limit": 1}
        page = await _found(lambda: self._api.checkout.sessions.list_async(params))
        return await self.session(page.data[0].id) if page is not None and page.data else None

    def sessions(self, since: int) -> AsyncGenerator[Session, None]:
        return _each(self._api.checkout.sessions.list_async, _session, created={"gte": since})

    async def charge(self, order: CheckoutStarted, saved: SavedMethod) -> Payment:
        params: Any = {
            "amount": order.amount_minor,
            "currency": order.currency,
            "customer": saved.customer_id,
            "payment_method": saved.payment_method_id,
            "off_session": True,
            "confirm": True,
            "metadata": {"checkout_id": order.checkout_id, "account_id": order.account_id},
        }
        options: Any = {"idempotency_key": order.checkout_id}
        try:
            return _payment(_plain(await _call(lambda: self._api.payment_intents.create_async(params, options))))
        except _Declined as declined:
            if declined.intent is None:
                raise VendorRefused(declined.code) from declined
            return _payment(_plain(declined.intent), failure=declined.code)

    async def payment(self, payment_id: str) -> Payment | None:
        found = await _found(lambda: self._api.payment_intents.retrieve_async(payment_id))
        return None if found is None else _payment(_plain(found))

    async def payment_of(self, checkout_id: str, saved: SavedMethod) -> Payment | None:
        listed = _each(self._api.payment_intents.list_async, _payment, customer=saved.customer_id)
        async with aclosing(listed) as payments:
            async for payment in payments:
                if payment.checkout_id == checkout_id:
                    return payment
        return None

    def payments(self, since: int) -> AsyncGenerator[Payment, None]:
        return _each(self._api.payment_intents.list_async, _our_payment, created={"gte": since})

    def refunds_of(self, payment_id: str) -> AsyncGenerator[Refund, None]:
        return _each(self._api.refunds.list_async, _refund, payment_intent=payment_id)

    def refunds(self, since: int) -> AsyncGenerator[Refund, None]:
        return _each(self._api.refunds.list_async, _refund, created={"gte": since})

    async def dispute(self, dispute_id: str) -> Dispute | None:
        found = await _found(lambda: self._api.disputes.retrieve_async(dispute_id))
        return None if found is None else _dispute(_plain(found))

    def disputes_of(self, payment_id: str) -> AsyncGenerator[Dispute, None]:
        return _each(self._api.disputes.list_async, _dispute, payment_intent=payment_id)

    def disputes(self, since: int) -> AsyncGenerator[Dispute, None]:
        return _each(self._api.disputes.list_async, _dispute, created={"gte": since})

    def notices(self, since: int) -> AsyncGenerator[tuple[Notice, bytes], None]:
        return _each(self._api.events.list_async, _announced, created={"gte": since}, types=list(TYPES))

    def verify(self, payload: bytes, signature: str | None) -> Notice:
        try:
            event = self._client.construct_event(payload, signature, self._webhook_secret, SIGNATURE_SECONDS)
            return _notice(_plain(event))
        except (stripe.SignatureVerificationError, ValueError, LookupError, AttributeError, TypeError) as error:
            raise BadSignature(type(error).__name__) from error

    async def aclose(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]


class _Declined(Exception):
    def __init__(self, code: str, intent: Any) -> None:
        super().__init__(code)
        self.code = code
        self.intent = intent


async def _call(call: Callable[[], Awaitable[T]]) -> T:
    """Make a call, with the library's errors mapped to ours."""
    try:
        with trio.fail_after(CALL_SECONDS):
            return await call()
    except trio.TooSlowError as error:
        raise VendorUnavailable(f"no answer within {CALL_SECONDS:g} s") from error
    except stripe.CardError as error:
        found = error.error.payment_intent if error.error is not None else None
        raise _Declined(error.code or "card_declined", found) from error
    except stripe.InvalidRequestError as error:
        if error.http_status == 404:
            raise _Absent from error
        raise VendorRefused(f"{type(error).__name__}: {error.code or error.param}") from error
    except (stripe.AuthenticationError, stripe.PermissionError, stripe.IdempotencyError) as error:
        raise VendorRefused(f"{type(error).__name__}: {error.code}") from error
    except stripe.StripeError as error:
        raise VendorUnavailable(f"{type(error).__name__} ({error.http_status})") from error


class _Absent(VendorRefused):
    """The object does not exist."""


async def _found(call: Callable[[], Awaitable[T]]) -> T | None:
    try:
        return await _call(call)
    except _Absent:
        return None


async def _each(
    list_async: Callable[[Any], Awaitable[Any]], read: Callable[[dict[str, Any]], T | None], **params: Any
) -> AsyncGenerator[T, None]:
    """`read` of every object in a list, page by page, without the None results."""
    after: dict[str, str] = {}
    while True:
        query = {**params, "limit": PAGE, **after}
        page = await _found(lambda query=query: list_async(query))  # type: ignore[misc]
        if page is None:
            return  # Stripe reports a missing parent object for lists too
        for found in page.data:
            made = read(_plain(found))
            if made is not None:
                yield made
        if not page.has_more or not page.data:
            return
        after = {"starting_after": page.data[-1].id}


def _plain(found: Any) -> dict[str, Any]:
    """The library's object as plain JSON values."""
    plain: dict[str, Any] = found.to_dict()
    return plain


def _session(found: dict[str, Any]) -> Session:
    intent = found.get("payment_intent")
    expanded = intent if isinstance(intent, dict) else None
    ours = found.get("metadata") or {}
    return Session(
        session_id=found["id"],
        checkout_id=found.get("client_reference_id") or ours.get("checkout_id"),
        account_id=ours.get("account_id"),
        status=found.get("status") or "open",
        paid=found.get("payment_status") == "paid",
        amount_minor=found.get("amount_total"),
        currency=found.get("currency"),
        payment_id=_id(intent),
        url=found.get("url"),
        failure=_failure(expanded) if expanded is not None and found.get("status") == "complete" else None,
        saved=_saved(found, expanded),
        tax=_tax(found),
    )


def _tax(session: dict[str, Any]) -> Tax | None:
    """The session's tax, or None if Stripe reports none."""
    buyer = session.get("customer_details") or {}
    country = (buyer.get("address") or {}).get("country")
    automatic, amount = session.get("automatic_tax") or {}, (session.get("total_details") or {}).get("amount_tax")
    if amount or (automatic.get("enabled") and automatic.get("status") == "complete"):
        exempt = {"exempt": "exempt", "reverse": "reverse_charge"}.get(buyer.get("tax_exempt") or "", "zero")
        return Tax(country, "taxed" if amount else exempt, amount or 0)
    return None if country is None else Tax(country, "unknown", None)


def _saved(session: dict[str, Any], intent: dict[str, Any] | None) -> SavedMethod | None:
    if intent is None or intent.get("setup_future_usage") != "off_session":
        return None
    customer, method = _id(session.get("customer")), _id(intent.get("payment_method"))
    return SavedMethod(customer, method) if customer and method else None


def _payment(found: dict[str, Any], failure: str | None = None) -> Payment:
    ours = found.get("metadata") or {}
    paid = found.get("status") == "succeeded"
    return Payment(
        payment_id=found["id"],
        checkout_id=ours.get("checkout_id"),
        account_id=ours.get("account_id"),
        status=found.get("status") or "",
        amount_minor=found.get("amount_received") if paid else found.get("amount"),
        currency=found.get("currency"),
        failure=failure or _failure(found),
    )


def _our_payment(found: dict[str, Any]) -> Payment | None:
    payment = _payment(found)
    return payment if payment.checkout_id is not None else None


def _announced(event: dict[str, Any]) -> tuple[Notice, bytes]:
    return _notice(event), msgspec.json.encode(event)


def _failure(intent: dict[str, Any]) -> str | None:
    """The code of a payment that was finally refused; None otherwise."""
    status, error = intent.get("status"), intent.get("last_payment_error")
    if status == "canceled":
        return "canceled"
    if status != "requires_payment_method" or error is None:
        return None
    return error.get("code") or "payment_failed"


def _refund(found: dict[str, Any]) -> Refund:
    status = found.get("status") or "succeeded"
    return Refund(found["id"], _id(found.get("payment_intent")), found["amount"], found["currency"], status)


def _dispute(found: dict[str, Any]) -> Dispute:
    moved = [entry.get("amount", 0) for entry in found.get("balance_transactions") or ()]
    withdrawn, reinstated = any(amount < 0 for amount in moved), any(amount > 0 for amount in moved)
    payment_id = _id(found.get("payment_intent"))
    return Dispute(found["id"], payment_id, found["amount"], found["currency"], withdrawn, reinstated)


def _notice(event: dict[str, Any]) -> Notice:
    document = event["data"]["object"]
    return Notice(event["id"], event["type"], document, event.get("account"), bool(event.get("livemode")))


def _id(value: Any) -> str | None:
    """The id of an object that may be expanded."""
    found: str | None = value["id"] if isinstance(value, dict) else value
    return found
