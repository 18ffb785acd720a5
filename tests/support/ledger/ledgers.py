"""Commands for the tests of the store, and what holds for every log."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from app.ledger.codec import Codec
from app.ledger.store import Append, Committed, Ledger, LogReader, RecordedEvent, Verdict
from domain.buckets import Guard
from domain.events import (
    AccountFrozen,
    AccountOpened,
    AdjustmentPosted,
    Event,
    KeyLimits,
    KeyRevoked,
    RequestAdmitted,
    RequestDebited,
    UnknownEvent,
    account_stream,
    request_stream,
)
from domain.postings import movements
from domain.request import Hold, _guards, release
from domain.usage import Usage

PAGE = 1_000


@dataclass(frozen=True)
class Engine:
    """One engine under test. `open` gives another ledger over the same database, closed with the test."""

    name: str
    location: str
    open: Callable[..., Ledger]

    @contextmanager
    def another(self) -> Iterator[Ledger]:
        ledger = self.open()
        try:
            yield ledger
        finally:
            ledger.close()


def opened(account_id: str = "a", command_id: str = "open") -> Append:
    return Append(f"{command_id}-{account_id}", account_stream(account_id), 0, (AccountOpened(account_id, "Ada"),))


def granted(account_id: str = "a", nanos: int = 100, version: int = 1, command_id: str = "grant") -> Append:
    event = AdjustmentPosted(account_id, command_id, "grant", nanos, "for a test", None)
    return Append(f"{command_id}-{account_id}", account_stream(account_id), version, (event,))


def frozen(account_id: str = "a", version: int = 1) -> Append:
    return Append(
        f"freeze-{account_id}", account_stream(account_id), version, (AccountFrozen(account_id, "risk", "operator"),)
    )


def revoked(account_id: str = "a", key_id: str = "k", version: int = 1) -> Append:
    return Append(f"revoke-{key_id}", account_stream(account_id), version, (KeyRevoked(account_id, key_id),))


def admission(
    request_id: str,
    *,
    account_id: str = "a",
    key_id: str = "k",
    hold_nanos: int = 10,
    tokens: int = 7,
    limits: KeyLimits | None = None,
    instance_id: str = "i",
    deadline_at_micros: int = 2**50,
    command_id: str | None = None,
) -> Append:
    event = RequestAdmitted(
        request_id=request_id,
        account_id=account_id,
        key_id=key_id,
        model="m",
        endpoint="responses",
        price_version=1,
        hold_nanos=hold_nanos,
        reserved_tokens=tokens,
        instance_id=instance_id,
        deadline_at_micros=deadline_at_micros,
    )
    guards = _guards(account_id, key_id, limits or KeyLimits())
    return Append(command_id or f"admit-{request_id}", request_stream(request_id), 0, (event,), guards)


def admitted(append: Append, verdict: Verdict) -> Hold:
    """The hold that a committed admission placed."""
    assert isinstance(verdict, Committed), verdict
    event = append.events[0]
    assert isinstance(event, RequestAdmitted)
    return Hold(event, verdict.recorded_at_micros)


def debit(hold: Hold, cost_nanos: int = 4, command_id: str | None = None) -> Append:
    admitted = hold.admitted
    event = RequestDebited(
        request_id=admitted.request_id,
        account_id=admitted.account_id,
        key_id=admitted.key_id,
        model="m",
        endpoint="responses",
        upstream="u",
        upstream_request_id=None,
        response_id=None,
        outcome="completed",
        finish="stop",
        price_version=1,
        usage=Usage(input=2, output=1),
        lines=(),
        cost_nanos=cost_nanos,
        hold_nanos=admitted.hold_nanos,
        overrun_nanos=max(0, cost_nanos - admitted.hold_nanos),
        reserved_tokens=admitted.reserved_tokens,
        admitted_at_micros=hold.recorded_at_micros,
    )
    return _settlement(admitted, event, command_id or f"debit-{admitted.request_id}")


def released(
    hold: Hold, reason: str = "upstream_failed", guards: tuple[Guard, ...] = (), delivered_nanos: int = 0
) -> Append:
    event = release(hold, reason=reason)
    if delivered_nanos:
        event = type(event)(
            **{name: getattr(event, name) for name in event.__struct_fields__ if name != "delivered_nanos"},
            delivered_nanos=delivered_nanos,
        )
    return _settlement(hold.admitted, event, f"release-{hold.admitted.request_id}", guards)


def _settlement(admitted: RequestAdmitted, event: Event, command_id: str, guards: tuple[Guard, ...] = ()) -> Append:
    return Append(command_id, request_stream(admitted.request_id), 1, (event,), guards, first=True)


def one(ledger: Ledger, append: Append) -> Verdict:
    [verdict] = ledger.append([append])
    return verdict


def stamp(ledger: Ledger, at_micros: int) -> None:
    """From now on the store records at this instant of the future, which it has seen and does not go back behind."""
    assert at_micros > ledger.now_micros()
    assert ledger.change(("UPDATE log_head SET recorded_at_micros = ?", (at_micros,))) == 1


def fund(ledger: Ledger, account_id: str = "a", nanos: int = 100) -> None:
    for verdict in ledger.append([opened(account_id), granted(account_id, nanos)]):
        assert isinstance(verdict, Committed), verdict


def whole(reader: LogReader) -> list[RecordedEvent]:
    """The log, page by page."""
    events: list[RecordedEvent] = []
    while page := reader.read(events[-1].id if events else 0, PAGE):
        events.extend(page)
    return events


def replayed(events: Sequence[RecordedEvent], codec: Codec | None = None) -> dict[str, int]:
    """Every bucket as the events alone give it."""
    codec = codec or Codec()
    buckets: Counter[str] = Counter()
    for recorded in events:
        event = codec.decode(recorded.topic, recorded.state)
        if not isinstance(event, UnknownEvent):
            for name, delta in movements(event, recorded.recorded_at_micros):
                buckets[name] += delta
    return dict(buckets)


def check_log(ledger: LogReader, codec: Codec | None = None) -> list[RecordedEvent]:
    """What holds for every log at any time: no gap, no clock that goes back, whole streams, buckets that follow from it."""
    events = whole(ledger)
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    instants = [event.recorded_at_micros for event in events]
    assert instants == sorted(instants)
    head = ledger.head()
    assert head.position == len(events)
    assert not events or head.recorded_at_micros >= instants[-1]
    for stream, versions in itertools.groupby(
        sorted((event.originator_id, event.originator_version) for event in events), key=lambda place: place[0]
    ):
        numbers = [version for _, version in versions]
        assert numbers == list(range(1, len(numbers) + 1)), stream
    assert dict(ledger.buckets()) == replayed(events, codec)
    assert [request.request_id for request in ledger.open_requests()] == still_open(events)
    return events


def still_open(events: Sequence[RecordedEvent]) -> list[str]:
    requests = [event for event in events if str(event.originator_id).startswith("request:")]
    settled = {event.originator_id for event in requests if event.originator_version == 2}
    return [
        str(event.originator_id).removeprefix("request:")
        for event in requests
        if event.originator_version == 1 and event.originator_id not in settled
    ]
