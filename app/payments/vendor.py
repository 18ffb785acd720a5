"""The interface of a payment processor, independent of any particular one.

Rule 1: everything here is the processor's current answer to a call from the gateway. A webhook only triggers such a call; its
content is not trusted.
Rule 2: amounts are in the currency's smallest unit, currencies are lower-case codes, instants are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

from domain.events import CheckoutStarted, Tax


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A payment method saved with its owner's consent."""

    customer_id: str
    payment_method_id: str


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment intent. `status` is succeeded, processing, or another of the processor's states; `failure` is its code."""

    payment_id: str
    checkout_id: str | None
    account_id: str | None
    status: str
    amount_minor: int | None
    currency: str | None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A checkout session. `paid` is as the processor reports it; `status` is open, complete or expired."""

    session_id: str
    checkout_id: str | None
    account_id: str | None
    status: str
    paid: bool
    amount_minor: int | None
    currency: str | None
    payment_id: str | None
    url: str | None = None
    failure: str | None = None
    saved: SavedMethod | None = None
    tax: Tax | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """`status` is succeeded, pending, requires_action, failed or canceled."""

    refund_id: str
    payment_id: str | None
    amount_minor: int
    currency: str
    status: str


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute: whether its funds were withdrawn from us, and whether they were reinstated."""

    dispute_id: str
    payment_id: str | None
    amount_minor: int
    currency: str
    withdrawn: bool
    reinstated: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """A webhook. `object` is the processor's document as of the event."""

    event_id: str
    type: str
    object: dict[str, Any]
    account: str | None = None
    livemode: bool = False


class Vendor(Protocol):
    """A payment processor. All methods raise VendorUnavailable and VendorRefused. None: no such object. Callers close the lists."""

    name: str
    livemode: bool

    async def open_session(self, order: CheckoutStarted, *, product: str, return_url: str, save: bool) -> Session:
        """Open the checkout's session. A repeated call returns the same one."""
        ...

    async def session(self, session_id: str) -> Session | None: ...

    async def session_of(self, payment_id: str) -> Session | None:
        """The session that this payment completed."""
        ...

    def sessions(self, since: int) -> AsyncGenerator[Session, None]:
        """The sessions opened since an instant."""
        ...

    async def charge(self, order: CheckoutStarted, saved: SavedMethod) -> Payment:
        """Charge a saved method, with its owner absent. A repeated call returns the same payment. If the charge is refused, a
        failed payment is returned."""
        ...

    async def payment(self, payment_id: str) -> Payment | None: ...

    async def payment_of(self, checkout_id: str, saved: SavedMethod) -> Payment | None:
        """The payment that was already charged automatically for this checkout."""
        ...

    def payments(self, since: int) -> AsyncGenerator[Payment, None]:
        """The payments created since an instant that carry one of our checkout ids."""
        ...

    def refunds_of(self, payment_id: str) -> AsyncGenerator[Refund, None]: ...

    def refunds(self, since: int) -> AsyncGenerator[Refund, None]: ...

    async def dispute(self, dispute_id: str) -> Dispute | None: ...

    def disputes_of(self, payment_id: str) -> AsyncGenerator[Dispute, None]: ...

    def disputes(self, since: int) -> AsyncGenerator[Dispute, None]: ...

    def notices(self, since: int) -> AsyncGenerator[tuple[Notice, bytes], None]:
        """The webhooks sent since an instant, each with its payload, to replace those that never arrived."""
        ...

    def verify(self, payload: bytes, signature: str | None) -> Notice:
        """The notice in a webhook's raw bytes. Raises BadSignature."""
        ...

    async def aclose(self) -> None: ...
