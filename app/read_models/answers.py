"""The answers of read models. Every answer names the log position that it is as of."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from domain.errors import Fault
from domain.events import KeyLimits
from domain.pricing import CostLine
from projections.keys import Freeze

T = TypeVar("T")


class NotYetProjected(Fault):
    """The read model has not processed the requested position yet."""

    def __init__(self, position: int, reached: int) -> None:
        super().__init__(f"Position {position} is not projected yet; the read model is at position {reached}.")
        self.position, self.reached = position, reached


class ReadModelAnswer(msgspec.Struct, Generic[T], frozen=True):
    """`value` as of `position`: it includes all events up to it, and none after."""

    position: int
    value: T


class Balance(msgspec.Struct, frozen=True):
    """A balance in nanos. `moved_at_*`: the event that last moved it; 0 if none did."""

    account_id: str
    available_nanos: int
    held_nanos: int
    moved_at_position: int
    moved_at_micros: int


class Transaction(msgspec.Struct, frozen=True):
    """A row of `projections.transactions`."""

    account_id: str
    position: int
    recorded_at_micros: int
    kind: str
    id: str
    amount_nanos: int
    key_id: str | None
    model: str | None
    endpoint: str | None
    upstream: str | None
    response_id: str | None
    outcome: str | None
    reason: str | None
    reference: str | None
    finish: str | None
    cost_nanos: int
    hold_nanos: int
    overrun_nanos: int
    delivered_nanos: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    web_search_calls: int
    images: int
    estimated: bool
    admitted_at_micros: int | None
    lines: tuple[CostLine, ...]


class Usage(msgspec.Struct, frozen=True):
    """Sums of one group. `group` is the start of the hour or day in micros, the key's id, or the model's."""

    group: str | int
    requests: int
    completed: int
    released: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    web_search_calls: int
    images: int
    cost_nanos: int


class Account(msgspec.Struct, frozen=True):
    account_id: str
    name: str
    opened_at_micros: int
    freezes: tuple[Freeze, ...]


class Key(msgspec.Struct, frozen=True):
    account_id: str
    key_id: str
    name: str
    hint: str
    digest: str
    limits: KeyLimits
    created_at_micros: int
    revoked_at_micros: int | None


class File(msgspec.Struct, frozen=True):
    """A row of `projections.files`."""

    account_id: str
    file_id: str
    position: int
    created_at_micros: int
    expires_at_micros: int | None
    bytes: int
    pages: int | None
    purpose: str
    there: int


class Payment(msgspec.Struct, frozen=True):
    """A row of `projections.payments.PAYMENTS`."""

    payment_id: str
    account_id: str
    checkout_id: str
    settled_at_micros: int
    amount_minor: int
    currency: str
    credit_nanos: int
    returned_minor: int
    returned_nanos: int


class Totals(msgspec.Struct, frozen=True):
    """Totals over all accounts: current balances in nanos, and everything charged so far."""

    accounts: int
    available_nanos: int
    held_nanos: int
    requests: int
    completed: int
    released: int
    cost_nanos: int


class UnknownTopic(msgspec.Struct, frozen=True):
    topic: str
    events: int
    first_position: int
