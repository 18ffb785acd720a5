"""Every event: an immutable fact with an explicit topic.

Rule 1: an event is a past-tense fact and never changes. A correction is a new event.
Rule 2: a topic ends in its version and is never derived from a module path. A changed shape needs a new version and an upcast.
Rule 3: no event contains a secret or personal data: a key's digest, never the key; an account id, never an e-mail address.
Rule 4: amounts are integer nano-USD, instants are integer microseconds since 1970 UTC; names end in the unit.
Rule 5: an event contains everything that its postings and bucket movements need.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from domain.pricing import CostLine
from domain.usage import Usage


class Event(msgspec.Struct, frozen=True, gc=False):
    """The base of all events. The store records `TOPIC` with each event."""

    TOPIC: ClassVar[str] = ""


class KeyLimits(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A key's limits; None: no limit. `models` are the only models it may use. The expiry is in microseconds UTC."""

    models: tuple[str, ...] | None = None
    expires_at_micros: int | None = None
    budget_nanos_per_month: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None


class AccountOpened(Event, frozen=True, gc=False):
    """An account was opened. `name` is a label chosen by the operator."""

    TOPIC: ClassVar[str] = "account.opened.v1"
    account_id: str
    name: str


class KeyCreated(Event, frozen=True, gc=False):
    """A key was created. `digest` is the hex SHA-256 of the whole key; `hint` is the part shown in lists."""

    TOPIC: ClassVar[str] = "account.key_created.v1"
    account_id: str
    key_id: str
    name: str
    digest: str
    hint: str
    limits: KeyLimits


class KeyLimitsChanged(Event, frozen=True, gc=False):
    """The key's limits were replaced by these, as a whole."""

    TOPIC: ClassVar[str] = "account.key_limits_changed.v1"
    account_id: str
    key_id: str
    limits: KeyLimits


class KeyRevoked(Event, frozen=True, gc=False):
    """A key was revoked: it admits no more requests."""

    TOPIC: ClassVar[str] = "account.key_revoked.v1"
    account_id: str
    key_id: str


class AdjustmentPosted(Event, frozen=True, gc=False):
    """A manual credit by the operator: a `grant`, or a `correction` of either sign, which refers to what it corrects."""

    TOPIC: ClassVar[str] = "account.adjustment_posted.v1"
    account_id: str
    adjustment_id: str
    kind: str
    amount_nanos: int
    reason: str
    reference: str | None


class AccountFrozen(Event, frozen=True, gc=False):
    """The account accepts no new requests. `cause` is `operator`, or `negative_balance` after a refund or dispute took more than
    the balance. Both may hold at once; the account accepts requests again when both have ended."""

    TOPIC: ClassVar[str] = "account.frozen.v1"
    account_id: str
    reason: str
    cause: str


class AccountUnfrozen(Event, frozen=True, gc=False):
    """The account is no longer frozen for this cause."""

    TOPIC: ClassVar[str] = "account.unfrozen.v1"
    account_id: str
    reason: str
    cause: str


class RequestAdmitted(Event, frozen=True, gc=False):
    """A hold was placed. `price_version` is the version of the model's price stream that the debit will use."""

    TOPIC: ClassVar[str] = "request.admitted.v1"
    request_id: str
    account_id: str
    key_id: str
    model: str
    endpoint: str
    price_version: int
    hold_nanos: int
    reserved_tokens: int
    instance_id: str
    deadline_at_micros: int


class RequestDebited(Event, frozen=True, gc=False):
    """The hold was captured: `cost_nanos` is charged and the rest released.

    `outcome` is `completed`, or `cancelled`: the client left after its free limit was used up, and pays for the delivered part.
    `overrun_nanos` is the part of the cost above the hold. `admitted_at_micros` determines the windows of the reservation.
    """

    TOPIC: ClassVar[str] = "request.debited.v1"
    request_id: str
    account_id: str
    key_id: str
    model: str
    endpoint: str
    upstream: str
    upstream_request_id: str | None
    response_id: str | None
    outcome: str
    finish: str
    price_version: int
    usage: Usage
    lines: tuple[CostLine, ...]
    cost_nanos: int
    hold_nanos: int
    overrun_nanos: int
    reserved_tokens: int
    admitted_at_micros: int


class RequestReleased(Event, frozen=True, gc=False):
    """The hold was released and nothing charged. `delivered_nanos` is what the delivered part would have cost."""

    TOPIC: ClassVar[str] = "request.released.v1"
    request_id: str
    account_id: str
    key_id: str
    model: str
    endpoint: str
    upstream: str | None
    reason: str
    hold_nanos: int
    reserved_tokens: int
    admitted_at_micros: int
    delivered: Usage
    delivered_nanos: int


class PriceListed(Event, frozen=True, gc=False):
    """The model has these prices from now on, in the canonical form of `domain.pricing.price_table`."""

    TOPIC: ClassVar[str] = "price.listed.v1"
    model: str
    prices: dict[str, Any]


class FileUploaded(Event, frozen=True, gc=False):
    """A file was uploaded. Its name is stored with its content, not here, because it may be personal data.

    `bytes` is its size; `pages` is None if not countable. It expires `expires_after_seconds` after this event; None: never.
    """

    TOPIC: ClassVar[str] = "file.uploaded.v1"
    file_id: str
    account_id: str
    key_id: str
    sha256: str
    bytes: int
    pages: int | None
    media_type: str
    purpose: str
    expires_after_seconds: int | None


class FileDeleted(Event, frozen=True, gc=False):
    """The file was removed. `reason` is `deleted` or `expired`; `bytes` is returned to its account's quota."""

    TOPIC: ClassVar[str] = "file.deleted.v1"
    file_id: str
    account_id: str
    bytes: int
    reason: str


class CheckoutStarted(Event, frozen=True, gc=False):
    """A checkout for a pack was started: `credit_nanos` of balance for `amount_minor` of the currency's smallest unit.

    `automatic`: a top-up at the account's own threshold, with a saved payment method.
    """

    TOPIC: ClassVar[str] = "checkout.started.v1"
    checkout_id: str
    account_id: str
    pack_id: str
    amount_minor: int
    currency: str
    credit_nanos: int
    automatic: bool


class CheckoutCompleted(Event, frozen=True, gc=False):
    """The checkout was paid, by this payment only."""

    TOPIC: ClassVar[str] = "checkout.completed.v1"
    checkout_id: str
    account_id: str
    payment_id: str


class CheckoutExpired(Event, frozen=True, gc=False):
    """The checkout was not paid in time. A payment found later still completes it."""

    TOPIC: ClassVar[str] = "checkout.expired.v1"
    checkout_id: str
    account_id: str


class CheckoutFailed(Event, frozen=True, gc=False):
    """The payment was refused. `automatic_nanos` is returned to the account's ceiling on automatic top-ups, for the month of
    `started_at_micros`; 0 for a checkout started by a person."""

    TOPIC: ClassVar[str] = "checkout.failed.v1"
    checkout_id: str
    account_id: str
    reason: str
    automatic_nanos: int
    started_at_micros: int


class Tax(msgspec.Struct, frozen=True, gc=False):
    """A payment's tax as the processor reported it: included in the amount paid, not in the credit.

    `country` is ISO 3166-1 alpha-2. `treatment`: taxed, zero, exempt, reverse_charge, or unknown. The amount is in the currency's
    smallest unit.
    """

    country: str | None
    treatment: str
    amount_minor: int | None


class TopUpSettled(Event, frozen=True, gc=False):
    """A payment was credited: once, however often it is reported. If `tax` is None, the processor reported none."""

    TOPIC: ClassVar[str] = "payment.top_up_settled.v1"
    payment_id: str
    account_id: str
    checkout_id: str
    amount_minor: int
    currency: str
    credit_nanos: int
    tax: Tax | None = None


class RefundPosted(Event, frozen=True, gc=False):
    """A part of a payment was refunded, and `credit_nanos` of the credit it bought taken from the balance."""

    TOPIC: ClassVar[str] = "refund.posted.v1"
    refund_id: str
    payment_id: str
    account_id: str
    amount_minor: int
    currency: str
    credit_nanos: int


class RefundFailed(Event, frozen=True, gc=False):
    """The refund failed: `credit_nanos` are given back."""

    TOPIC: ClassVar[str] = "refund.failed.v1"
    refund_id: str
    payment_id: str
    account_id: str
    amount_minor: int
    currency: str
    credit_nanos: int


class FundsWithdrawn(Event, frozen=True, gc=False):
    """The disputed part of a payment was withdrawn from us, and `credit_nanos` of the credit it bought taken from the balance."""

    TOPIC: ClassVar[str] = "dispute.funds_withdrawn.v1"
    dispute_id: str
    payment_id: str
    account_id: str
    amount_minor: int
    currency: str
    credit_nanos: int


class FundsReinstated(Event, frozen=True, gc=False):
    """The dispute was won: `credit_nanos` are given back."""

    TOPIC: ClassVar[str] = "dispute.funds_reinstated.v1"
    dispute_id: str
    payment_id: str
    account_id: str
    amount_minor: int
    currency: str
    credit_nanos: int


class UnknownEvent(msgspec.Struct, frozen=True, gc=False):
    """A stored event with a topic unknown to this version. It is kept, skipped by projections, and reported."""

    topic: str
    state: bytes


EVENTS: tuple[type[Event], ...] = (
    AccountOpened,
    KeyCreated,
    KeyLimitsChanged,
    KeyRevoked,
    AdjustmentPosted,
    AccountFrozen,
    AccountUnfrozen,
    RequestAdmitted,
    RequestDebited,
    RequestReleased,
    PriceListed,
    FileUploaded,
    FileDeleted,
    CheckoutStarted,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutFailed,
    TopUpSettled,
    RefundPosted,
    RefundFailed,
    FundsWithdrawn,
    FundsReinstated,
)
KEY_TOPICS = (KeyCreated.TOPIC, KeyLimitsChanged.TOPIC, KeyRevoked.TOPIC)
"""The topics that the key cache follows."""


def account_stream(account_id: str) -> str:
    return f"account:{account_id}"


def request_stream(request_id: str) -> str:
    return f"request:{request_id}"


def price_stream(model: str) -> str:
    return f"price:{model}"


def file_stream(file_id: str) -> str:
    return f"file:{file_id}"


def checkout_stream(checkout_id: str) -> str:
    return f"checkout:{checkout_id}"


def payment_stream(payment_id: str) -> str:
    return f"payment:{payment_id}"


def refund_stream(refund_id: str) -> str:
    return f"refund:{refund_id}"


def dispute_stream(dispute_id: str) -> str:
    return f"dispute:{dispute_id}"
