"""Checks the ledger for consistency: order, settlements, prices, books, buckets and open requests.

Rule 1: everything here is a function of the events in order. Stored derived data is only compared with it.
Rule 2: memory grows with accounts, keys, open requests and kept windows, not with requests. A request is forgotten once settled; a
stream used again later would violate the store's own unique index.
Rule 3: each admission is checked for everything that the store guards or that can never change: balance, freeze, revocation, and
the owner of the key. A key's limits are not checked, because a gateway takes them from a cache that may lag behind the log.
Rule 4: a minute window older than `minutes_kept`, by the store's clock, may be missing from the store. If it exists, it must be
correct.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from app.ledger.store import Head, OpenRequest, RecordedEvent
from app.replay.findings import Findings
from app.replay.payments import CheckoutEvent, PaymentsCheck
from domain import buckets
from domain.buckets import MICROS_PER_MINUTE, Movement
from domain.errors import InvalidValue
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
    PriceListed,
    RefundFailed,
    RefundPosted,
    RequestAdmitted,
    RequestDebited,
    RequestReleased,
    TopUpSettled,
    account_stream,
    checkout_stream,
    dispute_stream,
    file_stream,
    payment_stream,
    price_stream,
    refund_stream,
    request_stream,
)
from domain.postings import customer_available, customer_held, postings
from domain.pricing import Cost, PriceList, parse_prices, price_usage
from domain.usage import Usage

_MICROS_PER_HOUR = 60 * MICROS_PER_MINUTE
_MINUTE_KINDS = ("requests:", "tokens:")
_MINUTE_LENGTH = len("2026-11-23T04:05")
_ACCOUNT_EVENTS: tuple[type[Event], ...] = (
    AccountOpened,
    KeyCreated,
    KeyLimitsChanged,
    KeyRevoked,
    AdjustmentPosted,
    AccountFrozen,
    AccountUnfrozen,
)
_SETTLEMENT_FIELDS = ("account_id", "key_id", "model", "endpoint", "hold_nanos", "reserved_tokens")


class Admission(NamedTuple):
    event: RequestAdmitted
    position: int
    recorded_at_micros: int


class LedgerCheck:
    """Takes every event in order, then compares. `stored` are the store's buckets."""

    def __init__(self, findings: Findings, stored: dict[str, int], *, now_micros: int, minutes_kept: int) -> None:
        self.position = 0
        self.recorded_at_micros = 0
        self.open: dict[str, Admission] = {}
        self.unknown: dict[str, tuple[int, int]] = {}
        """topic -> (number of events, position of the first)"""
        self._findings = findings
        self._stored = stored
        self._now_micros = now_micros
        self._kept_micros = minutes_kept * MICROS_PER_MINUTE
        self._hour = 0
        self._versions: dict[str, int] = {}
        self._buckets: defaultdict[str, int] = defaultdict(int)
        self._books: defaultdict[str, int] = defaultdict(int)
        self._prices: dict[tuple[str, int], PriceList] = {}
        self._keys: set[tuple[str, str]] = set()
        self._unread: set[str] = set()
        """Account streams with an event unknown to this version, which may have created a key."""
        self._payments = PaymentsCheck(findings)

    def order(self, row: RecordedEvent) -> None:
        """Check that positions are 1..n and instants never decrease."""
        if row.id != self.position + 1:
            self._findings.differ("gap in positions", f"after {self.position}", self.position + 1, row.id)
        if row.recorded_at_micros < self.recorded_at_micros:
            self._findings.differ(
                "instant goes back", f"event {row.id}", f">= {self.recorded_at_micros}", row.recorded_at_micros
            )
        self.position, self.recorded_at_micros = row.id, row.recorded_at_micros
        if row.recorded_at_micros // _MICROS_PER_HOUR != self._hour:
            self._hour = row.recorded_at_micros // _MICROS_PER_HOUR
            self._forget_windows()

    def skip(self, row: RecordedEvent, topic: str) -> None:
        """Count an event whose topic is unknown to this version."""
        count, first = self.unknown.get(topic, (0, row.id))
        self.unknown[topic] = (count + 1, first)
        if stream_of(row).startswith("account:"):
            self._unread.add(stream_of(row))
        if not stream_of(row).startswith("request:"):
            self._version(row)

    def feed(self, row: RecordedEvent, event: Event, moves: Sequence[Movement]) -> None:
        """Check the event in `row`, and apply its bucket movements."""
        check = _CHECKS.get(type(event))
        if check is None:
            self._version(row)
        else:
            check(self, row, event)
        self._post(row, event)
        for name, moved in moves:
            self._buckets[name] += moved
        if isinstance(event, RequestAdmitted):
            self._guards(row, event)

    def compare(self, head: Head, open_requests: Iterable[OpenRequest]) -> None:
        """Compare the store's derived data with that computed from the events."""
        self._findings.compare("end of the log", "log_head", self.position, head.position)
        self._findings.compare("instant of the log", "log_head", self.recorded_at_micros, head.recorded_at_micros)
        self._compare_open({one.request_id: one for one in open_requests})
        self._compare_buckets()
        self._compare_books()

    def _version(self, row: RecordedEvent, expected: int | None = None) -> None:
        """Check the stream version. `expected`: given if it is known without remembering the stream's length."""
        stream, version = stream_of(row), row.originator_version
        if expected is None:
            expected = self._versions.get(stream, 0) + 1
            self._versions[stream] = version
        if version != expected:
            self._findings.differ("version of the stream", f"event {row.id}, {stream}", expected, version)

    def _in_stream(self, row: RecordedEvent, stream: str) -> None:
        if row.originator_id != stream:
            self._findings.differ("stream", f"event {row.id}", stream, row.originator_id)

    def listed(self, row: RecordedEvent, event: PriceListed) -> None:
        self._version(row)
        self._in_stream(row, price_stream(event.model))
        try:
            self._prices[event.model, row.originator_version] = parse_prices(event.prices)
        except InvalidValue as error:
            self._findings.differ("price list", f"event {row.id}", "a valid price list", error)

    def admitted(self, row: RecordedEvent, event: RequestAdmitted) -> None:
        self._version(row, 1)
        self._in_stream(row, request_stream(event.request_id))
        if event.request_id in self.open:
            self._findings.differ("admission", f"event {row.id}", "one per request", f"{event.request_id} again")
        if (event.model, event.price_version) not in self._prices:
            self._findings.differ(
                "price version", f"event {row.id}", f"{event.model} listed before", f"version {event.price_version}"
            )
        self.open[event.request_id] = Admission(event, row.id, row.recorded_at_micros)

    def debited(self, row: RecordedEvent, event: RequestDebited) -> None:
        admission = self._settled(row, event)
        if admission is not None:
            self._same(row, "price_version", admission.event.price_version, event.price_version)
        prices = self._prices.get((event.model, event.price_version))
        if prices is None:
            self._findings.differ("price version", f"event {row.id}", "a listed version", event.price_version)
            return
        cost = self._cost(row, prices, event.usage)
        if cost is None:
            return
        self._same(row, "cost_nanos", cost.amount_nanos, event.cost_nanos)
        self._same(row, "lines", cost.lines, event.lines)
        self._same(row, "overrun_nanos", max(0, cost.amount_nanos - event.hold_nanos), event.overrun_nanos)

    def released(self, row: RecordedEvent, event: RequestReleased) -> None:
        admission = self._settled(row, event)
        prices = admission and self._prices.get((event.model, admission.event.price_version))
        cost = self._cost(row, prices, event.delivered) if event.delivered_nanos and prices else None
        if cost is not None:
            self._same(row, "delivered_nanos", cost.amount_nanos, event.delivered_nanos)

    def _cost(self, row: RecordedEvent, prices: PriceList, usage: Usage) -> Cost | None:
        """The cost of the usage. If it has negative counts, reports a difference and returns None."""
        if usage.input_tokens < 0:
            self._findings.differ("usage", f"event {row.id}, {row.originator_id}", "counts of 0 or more", usage)
            return None
        return price_usage(prices, usage)

    def _settled(self, row: RecordedEvent, event: RequestDebited | RequestReleased) -> Admission | None:
        """Check that this is the only settlement of an open admission, and that the two agree."""
        self._version(row, 2)
        self._in_stream(row, request_stream(event.request_id))
        admission = self.open.pop(event.request_id, None)
        if admission is None:
            self._findings.differ("settlement", f"event {row.id}", "an open request", f"{event.request_id} is not open")
            return None
        for field in _SETTLEMENT_FIELDS:
            self._same(row, field, getattr(admission.event, field), getattr(event, field))
        self._same(row, "admitted_at_micros", admission.recorded_at_micros, event.admitted_at_micros)
        return admission

    def _same(self, row: RecordedEvent, field: str, expected: object, found: object) -> None:
        if expected != found:
            self._findings.differ(field, f"event {row.id}, {row.originator_id}", expected, found)

    def of_account(self, row: RecordedEvent, event: Any) -> None:
        self._version(row)
        self._in_stream(row, account_stream(event.account_id))
        if isinstance(event, AccountOpened) != (row.originator_version == 1):
            found = f"{row.topic} as its event {row.originator_version}"
            self._findings.differ(
                "account", f"event {row.id}, {row.originator_id}", "opened once, as its first event", found
            )
        if isinstance(event, KeyCreated):
            self._keys.add((event.account_id, event.key_id))

    def of_file(self, row: RecordedEvent, event: FileUploaded | FileDeleted) -> None:
        self._version(row, 1 if isinstance(event, FileUploaded) else 2)
        self._in_stream(row, file_stream(event.file_id))

    def of_checkout(self, row: RecordedEvent, event: CheckoutEvent) -> None:
        self._version(row)
        self._in_stream(row, checkout_stream(event.checkout_id))
        self._payments.of_checkout(row, event)

    def of_payment(self, row: RecordedEvent, event: TopUpSettled) -> None:
        self._version(row, 1)
        self._in_stream(row, payment_stream(event.payment_id))
        self._payments.settled(row, event)

    def of_refund(self, row: RecordedEvent, event: RefundPosted | RefundFailed) -> None:
        self._version(row, 1 if isinstance(event, RefundPosted) else 2)
        self._in_stream(row, refund_stream(event.refund_id))
        self._payments.returned(row, event)

    def of_dispute(self, row: RecordedEvent, event: FundsWithdrawn | FundsReinstated) -> None:
        self._version(row, 1 if isinstance(event, FundsWithdrawn) else 2)
        self._in_stream(row, dispute_stream(event.dispute_id))
        self._payments.returned(row, event)

    def _post(self, row: RecordedEvent, event: Event) -> None:
        total = 0
        for name, nanos in postings(event):
            self._books[name] += nanos
            total += nanos
        if total:
            self._findings.differ("postings of an event", f"event {row.id}", "a sum of 0", total)

    def _guards(self, row: RecordedEvent, event: RequestAdmitted) -> None:
        """Check the guards of every admission, on the values after it."""
        account_id, value = event.account_id, self._buckets
        available, frozen = value[buckets.available(account_id)], value[buckets.frozen(account_id)]
        where = f"event {row.id}, account {account_id}"
        if available < 0:
            self._findings.differ("available after an admission", where, "at least 0", available)
        if frozen > 0:
            self._findings.differ("admission", where, "an account that is not frozen", "frozen")
        if value[buckets.revoked(event.key_id)] > 0:
            self._findings.differ("admission", where, "a key that is not revoked", event.key_id)
        if (account_id, event.key_id) not in self._keys and account_stream(account_id) not in self._unread:
            self._findings.differ("admission", where, "a key that was created for this account", event.key_id)

    def _forget_windows(self) -> None:
        """Drop minute windows that the store no longer has and that are old enough for it to have dropped them."""
        horizon = self._horizon(self.recorded_at_micros)
        for name in [name for name in self._buckets if _is_old_window(name, horizon) and name not in self._stored]:
            del self._buckets[name]

    def _horizon(self, at_micros: int) -> str:
        return buckets.minute_of(max(0, at_micros - self._kept_micros))

    def _compare_open(self, stored: dict[str, OpenRequest]) -> None:
        for request_id, (event, position, _) in self.open.items():
            expected = OpenRequest(request_id, position, event.instance_id, event.deadline_at_micros)
            self._findings.compare("open request", request_id, expected, stored.get(request_id, "missing"))
        for request_id in stored.keys() - self.open.keys():
            self._findings.differ("open request", request_id, "none", stored[request_id])

    def _compare_buckets(self) -> None:
        horizon = self._horizon(self._now_micros)
        for name, value in self._stored.items():
            self._findings.compare("bucket", name, self._buckets.get(name, 0), value)
        for name, value in self._buckets.items():
            if value and name not in self._stored and not _is_old_window(name, horizon):
                self._findings.differ("bucket", name, value, "missing")

    def _compare_books(self) -> None:
        """Check that the books balance, and that customer liabilities equal the buckets with the opposite sign."""
        self._findings.compare("trial balance", "all accounts", 0, sum(self._books.values()))
        for name, value in self._buckets.items():
            kind, _, owner = name.partition(":")
            if kind in {"available", "held"}:
                book = customer_available(owner) if kind == "available" else customer_held(owner)
                self._findings.compare("liability", book, -value, self._books.get(book, 0))


def stream_of(row: RecordedEvent) -> str:
    """The stream's name. The library's type also allows UUIDs; ours are text."""
    return str(row.originator_id)


def _is_old_window(name: str, horizon: str) -> bool:
    return name.startswith(_MINUTE_KINDS) and name[-_MINUTE_LENGTH:] < horizon


_CHECKS: dict[type[Event], Callable[[LedgerCheck, RecordedEvent, Any], None]] = {
    **dict.fromkeys(_ACCOUNT_EVENTS, LedgerCheck.of_account),
    PriceListed: LedgerCheck.listed,
    FileUploaded: LedgerCheck.of_file,
    FileDeleted: LedgerCheck.of_file,
    **dict.fromkeys((CheckoutStarted, CheckoutCompleted, CheckoutExpired, CheckoutFailed), LedgerCheck.of_checkout),
    TopUpSettled: LedgerCheck.of_payment,
    **dict.fromkeys((RefundPosted, RefundFailed), LedgerCheck.of_refund),
    **dict.fromkeys((FundsWithdrawn, FundsReinstated), LedgerCheck.of_dispute),
    RequestAdmitted: LedgerCheck.admitted,
    RequestDebited: LedgerCheck.debited,
    RequestReleased: LedgerCheck.released,
}
