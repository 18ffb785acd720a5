"""What the ledger says after the fire, compared with what it must: by replaying its events, never by asking the buckets alone.

Rule 1: every admission ends in exactly one debit or release.
Rule 2: what a client received decides what may stand in the ledger for its request.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.ledger.codec import Codec
from app.ledger.store import Ledger
from domain import buckets
from domain.events import Event, RequestAdmitted, RequestDebited, RequestReleased, UnknownEvent
from domain.postings import movements
from tests.support.clients.callers import Call
from tests.support.gateway.processes import eventually
from tests.support.ledger.ledgers import check_log

Settlement = RequestDebited | RequestReleased


@dataclass
class Books:
    """The log, sorted by request; and an account's available balance after each position that moved it."""

    admitted: dict[str, RequestAdmitted] = field(default_factory=dict)
    settled: dict[str, list[Settlement]] = field(default_factory=lambda: defaultdict(list))
    available: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    events: list[Event] = field(default_factory=list)

    @property
    def open(self) -> list[str]:
        return [request_id for request_id in self.admitted if request_id not in self.settled]

    @property
    def debits(self) -> list[RequestDebited]:
        return [event for events in self.settled.values() for event in events if isinstance(event, RequestDebited)]

    @property
    def releases(self) -> list[RequestReleased]:
        return [event for events in self.settled.values() for event in events if isinstance(event, RequestReleased)]

    def reasons(self) -> Counter[str]:
        return Counter(event.reason for event in self.releases)


def read_books(ledger: Ledger, codec: Codec) -> Books:
    """All of the log at one instant, checked on the way: no gap, no clock that goes back, buckets that follow from the events."""
    books, running = Books(), Counter[str]()
    with ledger.snapshot() as reader:
        log = check_log(reader, codec)
    for recorded in log:
        event = codec.decode(recorded.topic, recorded.state)
        assert not isinstance(event, UnknownEvent)
        books.events.append(event)
        if isinstance(event, RequestAdmitted):
            assert event.request_id not in books.admitted, "admitted twice"
            books.admitted[event.request_id] = event
        elif isinstance(event, RequestDebited | RequestReleased):
            books.settled[event.request_id].append(event)
        for name, delta in movements(event, recorded.recorded_at_micros):
            kind, _, owner = name.partition(":")
            running[name] += delta
            if kind == "available":
                books.available[owner].append(running[name])
            assert kind != "held" or running[name] >= 0, f"{name} is {running[name]} at {recorded.id}"
    return books


def check_settled(books: Books) -> None:
    """Every admission has its one settlement, and nothing else has one."""
    assert not books.open, f"{len(books.open)} admissions without an end"
    twice = {request_id: events for request_id, events in books.settled.items() if len(events) != 1}
    assert not twice
    assert set(books.settled) == set(books.admitted)


def check_promise(books: Books, calls: Iterable[Call]) -> Counter[str]:
    """What clients received against what they were charged. Returns how many ended in which way."""
    ways: Counter[str] = Counter()
    for call in calls:
        settled = books.settled[call.request_id][0] if call.request_id in books.settled else None
        if call.complete or call.closing_frame:
            assert isinstance(settled, RequestDebited), f"an answer without its debit: {call} {settled}"
            assert settled.outcome == "completed"
            assert not call.refused, f"an answer and an error: {call}"
            ways["complete"] += 1
        elif call.refused:
            assert not isinstance(settled, RequestDebited), f"told an error, and charged: {call} {settled}"
            ways[f"refused {call.status}"] += 1
        elif isinstance(settled, RequestDebited):
            ways["charged, cut before the last frame"] += 1
        else:
            ways["cut, free" if settled else "never admitted"] += 1
    return ways


async def settled_books(ledger: Ledger, codec: Codec, seconds: float) -> Books:
    """The books once every admission in them has its end."""
    read: list[Books] = []

    def nothing_open() -> bool:
        read[:] = [read_books(ledger, codec)]
        return not read[0].open

    await eventually(nothing_open, seconds, lambda: f"{len(read[0].open)} admissions without an end")
    check_settled(read[0])
    return read[0]


def held(ledger: Ledger, account_id: str) -> int:
    name = buckets.held(account_id)
    return ledger.bucket_values([name])[name]


def available(ledger: Ledger, account_id: str) -> int:
    name = buckets.available(account_id)
    return ledger.bucket_values([name])[name]


def percentiles(seconds: Sequence[float]) -> str:
    """p50, p90, p99 and the largest, in milliseconds."""
    if not seconds:
        return "none"
    named = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return ", ".join(f"{name} {percentile(seconds, part) * 1000:.1f} ms" for name, part in named.items())


def percentile(seconds: Sequence[float], part: float) -> float:
    """By nearest rank."""
    return sorted(seconds)[max(0, math.ceil(part * len(seconds)) - 1)]
