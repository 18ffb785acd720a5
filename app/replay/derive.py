"""A second, independent derivation of the read models: in memory, event by event, without code from the projections.

Rule 1: balances are derived from bucket movements here, but from postings in the projections. Everything else is derived from the
events' fields.
Rule 2: for each owner (the first column of the key), rows are produced in key order, so that two streams of any length can be
compared row by row or by a running hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Protocol

import msgspec

from domain.buckets import Movement
from domain.events import (
    AccountFrozen,
    AccountOpened,
    AccountUnfrozen,
    AdjustmentPosted,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutFailed,
    CheckoutStarted,
    Event,
    FileDeleted,
    FileUploaded,
    FundsReinstated,
    FundsWithdrawn,
    KeyCreated,
    KeyLimitsChanged,
    KeyRevoked,
    RefundFailed,
    RefundPosted,
    RequestDebited,
    RequestReleased,
    TopUpSettled,
    UnknownEvent,
)
from domain.usage import Usage
from projections.balances import BALANCES, BALANCES_NOW, INSTANTS
from projections.files import FILES
from projections.keys import ACCOUNTS, KEYS
from projections.payments import CHECKOUTS, PAYMENTS
from projections.tables import Row, Table
from projections.transactions import TRANSACTIONS
from projections.unknown import UNKNOWN_TOPICS
from projections.usage import USAGE

Rows = Iterator[tuple[Table, Row]]
_HOUR_MICROS = 3_600_000_000


class Derivation(Protocol):
    """`events`: the event types that it needs; None: all."""

    events: ClassVar[tuple[type, ...] | None]

    def feed(self, position: int, at: int, event: Event | UnknownEvent, moves: Sequence[Movement]) -> Rows: ...

    def finish(self) -> Rows: ...


class Balances:
    events: ClassVar[tuple[type, ...] | None] = None

    def __init__(self) -> None:
        self._now: dict[str, Row] = {}
        self._instant: Row | None = None

    def feed(self, position: int, at: int, event: Event | UnknownEvent, moves: Sequence[Movement]) -> Rows:
        if self._instant is not None and self._instant[0] != at:
            yield INSTANTS, self._instant
        self._instant = (at, position)
        touched: set[str] = set()
        for bucket, moved in moves:
            kind, _, owner = bucket.partition(":")
            if kind in {"available", "held"}:
                touched.add(owner)
                _, _, _, available, held = self._now.get(owner, (owner, 0, 0, 0, 0))
                figures = (available + moved, held) if kind == "available" else (available, held + moved)
                self._now[owner] = (owner, position, at, *figures)
        for owner in touched:
            yield BALANCES, self._now[owner]

    def finish(self) -> Rows:
        if self._instant is not None:
            yield INSTANTS, self._instant
        for row in self._now.values():
            yield BALANCES_NOW, row


class Transactions:
    """Builds rows as mappings, so that a misplaced column is noticed."""

    events: ClassVar[tuple[type, ...] | None] = (
        *(AdjustmentPosted, RequestDebited, RequestReleased, TopUpSettled),
        *(RefundPosted, RefundFailed, FundsWithdrawn, FundsReinstated),
    )
    _BLANK: dict[str, Any] = {  # noqa: RUF012 - copied, never changed
        column.name: None if column.nullable else 0 for column in TRANSACTIONS.columns
    }

    def feed(self, position: int, at: int, event: Event | UnknownEvent, moves: Sequence[Movement]) -> Rows:
        if isinstance(event, AdjustmentPosted):
            row = self._BLANK | {
                "kind": event.kind,
                "id": event.adjustment_id,
                "amount_nanos": event.amount_nanos,
                "reason": event.reason,
                "reference": event.reference,
            }
        elif isinstance(event, RequestDebited):
            row = self._request(event, event.usage) | {
                "kind": "debit",
                "amount_nanos": -event.cost_nanos,
                "cost_nanos": event.cost_nanos,
                "overrun_nanos": event.overrun_nanos,
                "outcome": event.outcome,
                "finish": event.finish,
                "response_id": event.response_id,
                "lines": msgspec.json.encode(event.lines).decode(),
            }
        elif isinstance(event, RequestReleased):
            row = self._request(event, event.delivered) | {
                "kind": "release",
                "reason": event.reason,
                "delivered_nanos": event.delivered_nanos,
            }
        elif (bought := _bought(event)) is not None:
            row = self._BLANK | bought
        else:
            return
        row.update(account_id=event.account_id, position=position, recorded_at_micros=at)  # type: ignore[union-attr]
        yield TRANSACTIONS, tuple(row.values())

    def finish(self) -> Rows:
        return iter(())

    def _request(self, event: RequestDebited | RequestReleased, usage: Usage) -> dict[str, Any]:
        return self._BLANK | {
            "id": event.request_id,
            "key_id": event.key_id,
            "model": event.model,
            "endpoint": event.endpoint,
            "upstream": event.upstream,
            "hold_nanos": event.hold_nanos,
            "admitted_at_micros": event.admitted_at_micros,
            "input_tokens": usage.input_tokens - usage.cached_input,
            "cached_tokens": usage.cached_input,
            "output_tokens": usage.total_tokens - usage.input_tokens,
            "reasoning_tokens": usage.reasoning,
            "web_search_calls": usage.web_search_calls,
            "images": sum(image.count for image in usage.images),
            "estimated": 1 if usage.estimated else 0,
        }


def _bought(event: Event | UnknownEvent) -> dict[str, Any] | None:
    """A payment event's values on a statement, or None for other events."""
    match event:
        case TopUpSettled():
            return _values("top_up", event.payment_id, event.credit_nanos, event.checkout_id)
        case RefundPosted():
            return _values("refund", event.refund_id, -event.credit_nanos, event.payment_id)
        case RefundFailed():
            return _values("refund_failed", event.refund_id, event.credit_nanos, event.payment_id)
        case FundsWithdrawn():
            return _values("dispute", event.dispute_id, -event.credit_nanos, event.payment_id)
        case FundsReinstated():
            return _values("dispute_won", event.dispute_id, event.credit_nanos, event.payment_id)
        case _:
            return None


def _values(kind: str, id: str, amount_nanos: int, reference: str) -> dict[str, Any]:
    return {"kind": kind, "id": id, "amount_nanos": amount_nanos, "reference": reference}


class Usages:
    """Keeps only the current hour, because instants never decrease."""

    events: ClassVar[tuple[type, ...] | None] = (RequestDebited, RequestReleased)

    def __init__(self) -> None:
        self._hour = 0
        self._rows: dict[tuple[str, int, str, str], list[int]] = {}

    def feed(self, position: int, at: int, event: Event | UnknownEvent, moves: Sequence[Movement]) -> Rows:
        if not isinstance(event, RequestDebited | RequestReleased):
            return
        if at // _HOUR_MICROS != self._hour:
            yield from self.finish()
            self._hour = at // _HOUR_MICROS
        row = self._rows.setdefault((event.account_id, self._hour, event.key_id, event.model), [0] * 10)
        row[0] += 1
        if isinstance(event, RequestReleased):
            row[2] += 1
            return
        if event.outcome == "completed":
            row[1] += 1
        row[3] += event.usage.input_tokens - event.usage.cached_input
        row[4] += event.usage.cached_input
        row[5] += event.usage.output_tokens
        row[6] += event.usage.reasoning
        row[7] += event.usage.web_search_calls
        row[8] += sum(image.count for image in event.usage.images)
        row[9] += event.cost_nanos

    def finish(self) -> Rows:
        rows, self._rows = self._rows, {}
        for key in sorted(rows):
            yield USAGE, (*key, *rows[key])


class Keys:
    events: ClassVar[tuple[type, ...] | None] = (
        AccountOpened,
        AccountFrozen,
        AccountUnfrozen,
        KeyCreated,
        KeyLimitsChanged,
        KeyRevoked,
    )

    def __init__(self) -> None:
        self._accounts: dict[str, list[Any]] = {}
        self._freezes: dict[str, dict[str, dict[str, Any]]] = {}
        self._keys: dict[tuple[str, str], list[Any]] = {}

    def feed(self, position: int, at: int, event: Event | UnknownEvent, moves: Sequence[Movement]) -> Rows:
        match event:
            case AccountOpened(account_id=account_id, name=name):
                self._accounts[account_id] = [account_id, name, at]
                self._freezes[account_id] = {}
            case AccountFrozen(account_id=account_id, cause=cause, reason=reason):
                self._freezes[account_id].pop(cause, None)
                self._freezes[account_id][cause] = {"cause": cause, "reason": reason, "at_micros": at}
            case AccountUnfrozen(account_id=account_id, cause=cause):
                self._freezes[account_id].pop(cause, None)
            case KeyCreated(account_id=account_id, key_id=key_id, limits=limits):
                figures = [event.name, event.hint, event.digest, msgspec.json.encode(limits).decode(), at, None]
                self._keys[account_id, key_id] = [account_id, key_id, *figures]
            case KeyLimitsChanged(account_id=account_id, key_id=key_id, limits=limits):
                self._keys[account_id, key_id][5] = msgspec.json.encode(limits).decode()
            case KeyRevoked(account_id=account_id, key_id=key_id):
                self._keys[account_id, key_id][7] = at
            case _:
                pass
        return iter(())

    def finish(self) -> Rows:
        for account_id in sorted(self._accounts):
            freezes = msgspec.json.encode(list(self._freezes[account_id].values())).decode()
            yield ACCOUNTS, (*self._accounts[account_id], freezes)
        for key in sorted(self._keys):
            yield KEYS, tuple(self._keys[key])


class Files:
    """Forgets nothing: a deleted file keeps its row."""

    events: ClassVar[tuple[type, ...] | None] = (FileUploaded, FileDeleted)

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}

    def feed(self, position: int, at: int, event: Event | UnknownEvent, moves: Sequence[Movement]) -> Rows:
        if isinstance(event, FileUploaded):
            lifetime = event.expires_after_seconds
            self._rows[event.account_id, event.file_id] = {
                "account_id": event.account_id,
                "file_id": event.file_id,
                "position": position,
                "created_at_micros": at,
                "expires_at_micros": None if lifetime is None else at + lifetime * 1_000_000,
                "bytes": event.bytes,
                "pages": event.pages,
                "purpose": event.purpose,
                "there": 1,
            }
        elif isinstance(event, FileDeleted):
            self._rows[event.account_id, event.file_id]["there"] = 0
        return iter(())

    def finish(self) -> Rows:
        for key in sorted(self._rows):
            yield FILES, tuple(self._rows[key].values())


class Payments:
    """Forgets nothing: a payment may be returned even years later."""

    events: ClassVar[tuple[type, ...] | None] = (
        *(CheckoutStarted, CheckoutCompleted, CheckoutExpired, CheckoutFailed, TopUpSettled),
        *(RefundPosted, RefundFailed, FundsWithdrawn, FundsReinstated),
    )

    def __init__(self) -> None:
        self._checkouts: dict[tuple[str, str], dict[str, Any]] = {}
        self._payments: dict[str, dict[str, Any]] = {}

    def feed(self, position: int, at: int, event: Event | UnknownEvent, moves: Sequence[Movement]) -> Rows:
        match event:
            case CheckoutStarted(account_id=account_id, checkout_id=checkout_id):
                self._checkouts[account_id, checkout_id] = {
                    "account_id": account_id,
                    "checkout_id": checkout_id,
                    "started_at_micros": at,
                    "pack_id": event.pack_id,
                    "amount_minor": event.amount_minor,
                    "currency": event.currency,
                    "credit_nanos": event.credit_nanos,
                    "automatic": 1 if event.automatic else 0,
                    "state": "started",
                    "payment_id": None,
                    "reason": None,
                }
            case CheckoutCompleted(account_id=account_id, checkout_id=checkout_id, payment_id=payment_id):
                ended = {"state": "completed", "payment_id": payment_id, "reason": None}
                self._checkouts[account_id, checkout_id].update(ended)
            case CheckoutExpired(account_id=account_id, checkout_id=checkout_id):
                self._checkouts[account_id, checkout_id].update(state="expired", payment_id=None, reason=None)
            case CheckoutFailed(account_id=account_id, checkout_id=checkout_id, reason=reason):
                self._checkouts[account_id, checkout_id].update(state="failed", payment_id=None, reason=reason)
            case TopUpSettled(payment_id=payment_id):
                self._payments[payment_id] = {
                    "payment_id": payment_id,
                    "account_id": event.account_id,
                    "checkout_id": event.checkout_id,
                    "settled_at_micros": at,
                    "amount_minor": event.amount_minor,
                    "currency": event.currency,
                    "credit_nanos": event.credit_nanos,
                    "returned_minor": 0,
                    "returned_nanos": 0,
                }
            case RefundPosted() | FundsWithdrawn():
                self._payments[event.payment_id]["returned_minor"] += event.amount_minor
                self._payments[event.payment_id]["returned_nanos"] += event.credit_nanos
            case RefundFailed() | FundsReinstated():
                self._payments[event.payment_id]["returned_minor"] -= event.amount_minor
                self._payments[event.payment_id]["returned_nanos"] -= event.credit_nanos
            case _:
                pass
        return iter(())

    def finish(self) -> Rows:
        for key in sorted(self._checkouts):
            yield CHECKOUTS, tuple(self._checkouts[key].values())
        for payment_id in sorted(self._payments):
            yield PAYMENTS, tuple(self._payments[payment_id].values())


class UnknownTopics:
    events: ClassVar[tuple[type, ...] | None] = (UnknownEvent,)

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    def feed(self, position: int, at: int, event: Event | UnknownEvent, moves: Sequence[Movement]) -> Rows:
        if isinstance(event, UnknownEvent):
            _, events, first = self._rows.get(event.topic, (event.topic, 0, position))
            self._rows[event.topic] = (event.topic, events + 1, first)
        return iter(())

    def finish(self) -> Rows:
        for row in self._rows.values():
            yield UNKNOWN_TOPICS, row


DERIVATIONS: dict[str, tuple[type[Derivation], tuple[Table, ...]]] = {
    "balances": (Balances, (BALANCES, BALANCES_NOW, INSTANTS)),
    "transactions": (Transactions, (TRANSACTIONS,)),
    "usage": (Usages, (USAGE,)),
    "keys": (Keys, (ACCOUNTS, KEYS)),
    "files": (Files, (FILES,)),
    "payments": (Payments, (CHECKOUTS, PAYMENTS)),
    "unknown_topics": (UnknownTopics, (UNKNOWN_TOPICS,)),
}
"""The derivation and tables of each projection. A test compares it with `projections.runner.ALL`."""
