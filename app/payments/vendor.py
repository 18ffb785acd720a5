"""What we ask of a payment processor, and what it says, in our own words.

Rule 1: everything here is what the processor says now, asked for by us; what a webhook claims is only a reason to ask.
Rule 2: amounts are in the currency's smallest unit, currencies are lower-case codes, instants are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

from domain.events import CheckoutStarted, Tax


@dataclass(frozen=True, slots=True)
class Saved:
    """A payment method that its owner let us keep."""

    customer_id: str
    payment_method_id: str


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment intent. `status` is succeeded, processing, or another word of the processor's; `failure` is its code."""

    payment_id: str
    checkout_id: str | None
    account_id: str | None
    status: str
    amount_minor: int | None
    currency: str | None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A checkout session. `paid` is the processor's own word; `status` is open, complete or expired."""

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
    saved: Saved | None = None
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
    """Whether its funds were withdrawn from us, and whether they came back."""

    dispute_id: str
    payment_id: str | None
    amount_minor: int
    currency: str
    withdrawn: bool
    reinstated: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """A webhook: what it is about. `object` is the processor's own document, as of the event."""

    event_id: str
    type: str
    object: dict[str, Any]
    account: str | None = None
    livemode: bool = False


class Vendor(Protocol):
    """A processor. All raise VendorUnavailable and VendorRefused; None: there is no such thing. Lists are to be closed."""

    name: str
    livemode: bool

    async def open_session(self, order: CheckoutStarted, *, product: str, return_url: str, save: bool) -> Session:
        """The session of this checkout; asked for again, the same one."""
        ...

    async def session(self, session_id: str) -> Session | None: ...

    async def session_of(self, payment_id: str) -> Session | None:
        """The session that this payment paid."""
        ...

    def sessions(self, since: int) -> AsyncGenerator[Session, None]:
        """Those that were opened since an instant."""
        ...

    async def charge(self, order: CheckoutStarted, saved: Saved) -> Payment:
        """Charge a saved method without its owner; asked for again, the same payment. A refusal is a payment that failed."""
        ...

    async def payment(self, payment_id: str) -> Payment | None: ...

    async def payment_of(self, checkout_id: str, saved: Saved) -> Payment | None:
        """What was charged automatically for this checkout before."""
        ...

    def payments(self, since: int) -> AsyncGenerator[Payment, None]:
        """Those that were begun since an instant and carry a checkout of ours."""
        ...

    def refunds_of(self, payment_id: str) -> AsyncGenerator[Refund, None]: ...

    def refunds(self, since: int) -> AsyncGenerator[Refund, None]: ...

    async def dispute(self, dispute_id: str) -> Dispute | None: ...

    def disputes_of(self, payment_id: str) -> AsyncGenerator[Dispute, None]: ...

    def disputes(self, since: int) -> AsyncGenerator[Dispute, None]: ...

    def notices(self, since: int) -> AsyncGenerator[tuple[Notice, bytes], None]:
        """What was announced since an instant, for the webhooks that never came: each with its document."""
        ...

    def verify(self, payload: bytes, signature: str | None) -> Notice:
        """The notice in a webhook's raw bytes. Raises BadSignature."""
        ...

    async def aclose(self) -> None: ...
