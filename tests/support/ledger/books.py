"""The books of a ledger after a test: who was admitted, how each ended, and that the sums are right."""

from __future__ import annotations

from collections.abc import Iterable

from app.ledger.codec import Codec
from app.ledger.store import Ledger
from domain import buckets
from domain.events import (
    AdjustmentPosted,
    Event,
    RequestAdmitted,
    RequestDebited,
    RequestReleased,
    UnknownEvent,
)

Settled = RequestDebited | RequestReleased


def all_events(ledger: Ledger, codec: Codec) -> list[Event]:
    events: list[Event] = []
    for recorded in ledger.read(0, 1_000_000):
        event = codec.decode(recorded.topic, recorded.state)
        assert not isinstance(event, UnknownEvent)
        events.append(event)
    return events


def by_request(events: Iterable[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        if isinstance(event, RequestAdmitted | RequestDebited | RequestReleased):
            found.setdefault(event.request_id, []).append(event)
    return found


def check_books(ledger: Ledger, codec: Codec) -> list[Settled]:
    """Every admission has exactly one settlement after it, nothing is held or open, and every account's sum is right."""
    events = all_events(ledger, codec)
    for request_id, story in by_request(events).items():
        kinds = [type(event) for event in story]
        assert kinds in ([RequestAdmitted, RequestDebited], [RequestAdmitted, RequestReleased]), (request_id, story)
    assert list(ledger.open_requests()) == []
    expected: dict[str, int] = {}
    for event in events:
        if isinstance(event, AdjustmentPosted):
            expected[event.account_id] = expected.get(event.account_id, 0) + event.amount_nanos
        elif isinstance(event, RequestDebited):
            expected[event.account_id] -= event.cost_nanos
    for account_id, nanos in expected.items():
        values = ledger.bucket_values([buckets.available(account_id), buckets.held(account_id)])
        assert list(values.values()) == [nanos, 0], (account_id, values)
    return [event for event in events if isinstance(event, RequestDebited | RequestReleased)]
