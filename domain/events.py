"""Every event, a frozen fact with a written-out topic.

Rule 1: an event is a past-tense fact and never changes. A correction is a new event.
Rule 2: a topic ends in its version and is never derived from a module path. A changed shape is a new version and an upcast.
Rule 3: no event holds a secret or personal data: a key's digest, never the key; an account id, never an e-mail.
Rule 4: amounts are integer nano-USD, instants are integer microseconds since 1970 UTC; the unit stands last in the name.
Rule 5: an event says all that its postings and bucket movements need, so that both are a function of it alone.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from domain.pricing import CostLine
from domain.usage import Usage


class Event(msgspec.Struct, frozen=True, gc=False):
    """The base of all events. `TOPIC` is what the store keeps."""

    TOPIC: ClassVar[str] = ""


class KeyLimits(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a key may do. None: no limit. `models`: the only ids it may use. Expiry in microseconds UTC."""

    models: tuple[str, ...] | None = None
    expires_at_micros: int | None = None
    budget_nanos_per_month: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None


class AccountOpened(Event, frozen=True, gc=False):
    """An account exists. `name` is a label that the operator chose."""

    TOPIC: ClassVar[str] = "account.opened.v1"
    account_id: str
    name: str


class KeyCreated(Event, frozen=True, gc=False):
    """A key exists. `digest` is the hex SHA-256 of the whole key; `hint` is what lists show of it."""

    TOPIC: ClassVar[str] = "account.key_created.v1"
    account_id: str
    key_id: str
    name: str
    digest: str
    hint: str
    limits: KeyLimits


class KeyLimitsChanged(Event, frozen=True, gc=False):
    """A key's limits are these from now on, all of them."""

    TOPIC: ClassVar[str] = "account.key_limits_changed.v1"
    account_id: str
    key_id: str
    limits: KeyLimits


class KeyRevoked(Event, frozen=True, gc=False):
    """A key admits nothing any more."""

    TOPIC: ClassVar[str] = "account.key_revoked.v1"
    account_id: str
    key_id: str


class AdjustmentPosted(Event, frozen=True, gc=False):
    """Credit by the operator's hand: a `grant`, or a `correction` of either sign that refers to what it corrects."""

    TOPIC: ClassVar[str] = "account.adjustment_posted.v1"
    account_id: str
    adjustment_id: str
    kind: str
    amount_nanos: int
    reason: str
    reference: str | None


class AccountFrozen(Event, frozen=True, gc=False):
    """The account takes no new requests. `cause` is `operator`, or `negative_balance` after a refund or a dispute took more than
    was left; an account may be frozen for both at once, and takes requests again when neither stands."""

    TOPIC: ClassVar[str] = "account.frozen.v1"
    account_id: str
    reason: str
    cause: str


class AccountUnfrozen(Event, frozen=True, gc=False):
    """The account is frozen for this cause no longer."""

    TOPIC: ClassVar[str] = "account.unfrozen.v1"
    account_id: str
    reason: str
    cause: str


class RequestAdmitted(Event, frozen=True, gc=False):
    """A hold is placed. `price_version` is the version of the model's price stream that the debit will use."""

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
    """The hold is captured: `cost_nanos` is charged, the rest goes back.

    `outcome` is `completed`, or `cancelled` for the delivered part of an answer whose client left past its free limit.
    `overrun_nanos` is by how much the cost passed the hold. `admitted_at_micros` names the windows of the reservation.
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
    """The hold is given back, nothing is charged. `delivered_nanos` is what the delivered part would have cost."""

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
    """The model costs this from now on: the canonical table of `domain.pricing.price_table`."""

    TOPIC: ClassVar[str] = "price.listed.v1"
    model: str
    prices: dict[str, Any]


class FileUploaded(Event, frozen=True, gc=False):
    """An account's file is there. What it is called is kept beside its content: a name may be personal.

    `bytes` is its size; `pages` is None where nobody could count. It ends `expires_after_seconds` after this event; None: never.
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
    """The file is there no more. `reason` is `deleted` or `expired`; `bytes` is what its account gets back."""

    TOPIC: ClassVar[str] = "file.deleted.v1"
    file_id: str
    account_id: str
    bytes: int
    reason: str


class CheckoutStarted(Event, frozen=True, gc=False):
    """Somebody set out to buy a pack: `credit_nanos` of balance for `amount_minor` of the currency's smallest unit.

    `automatic`: a top-up at the account's own threshold, with a payment method that was saved.
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
    """The checkout was paid, by this payment and no other."""

    TOPIC: ClassVar[str] = "checkout.completed.v1"
    checkout_id: str
    account_id: str
    payment_id: str


class CheckoutExpired(Event, frozen=True, gc=False):
    """Nobody paid in time. A payment that is found later all the same still counts."""

    TOPIC: ClassVar[str] = "checkout.expired.v1"
    checkout_id: str
    account_id: str


class CheckoutFailed(Event, frozen=True, gc=False):
    """The payment was refused. `automatic_nanos` is what the month of `started_at_micros` gets back of the account's ceiling on
    automatic top-ups; 0 for a checkout that a person began."""

    TOPIC: ClassVar[str] = "checkout.failed.v1"
    checkout_id: str
    account_id: str
    reason: str
    automatic_nanos: int
    started_at_micros: int


class Tax(msgspec.Struct, frozen=True, gc=False):
    """What the processor says of a payment's tax: it is within the amount, and no part of what is credited.

    `country` is ISO 3166-1 alpha-2. `treatment`: taxed, zero, exempt, reverse_charge, or unknown. The amount is in the currency's
    smallest unit.
    """

    country: str | None
    treatment: str
    amount_minor: int | None


class TopUpSettled(Event, frozen=True, gc=False):
    """A payment is credited: once, whoever told of it and however often. `tax` None: the processor said nothing of it."""

    TOPIC: ClassVar[str] = "payment.top_up_settled.v1"
    payment_id: str
    account_id: str
    checkout_id: str
    amount_minor: int
    currency: str
    credit_nanos: int
    tax: Tax | None = None


class RefundPosted(Event, frozen=True, gc=False):
    """A part of a payment goes back to who paid it, and `credit_nanos` of what it had bought are taken from the balance."""

    TOPIC: ClassVar[str] = "refund.posted.v1"
    refund_id: str
    payment_id: str
    account_id: str
    amount_minor: int
    currency: str
    credit_nanos: int


class RefundFailed(Event, frozen=True, gc=False):
    """The refund did not arrive: `credit_nanos` are given back."""

    TOPIC: ClassVar[str] = "refund.failed.v1"
    refund_id: str
    payment_id: str
    account_id: str
    amount_minor: int
    currency: str
    credit_nanos: int


class FundsWithdrawn(Event, frozen=True, gc=False):
    """A disputed part of a payment was taken from us, and `credit_nanos` of what it had bought are taken from the balance."""

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
    """A stored event whose topic this version does not know. It is kept, skipped by projections, and reported."""

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
"""The topics that a cache of keys follows."""


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
