"""Random batches on a real engine, checked after each step against a plain model: dictionaries and a list.

The model restates the rules of the append in its own words (read: it shares the events' movements with the store, and nothing
else). Both engines run the same machine. An example gets ids of its own rather than a database of its own: rows cannot be
truncated, and its buckets belong to its own accounts and keys.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.ledger.codec import Codec
from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import Append, Committed, Conflict, Failed, GuardRefused, Ledger, Verdict
from domain.buckets import Guard
from domain.events import AdjustmentPosted, Event, KeyLimits, RequestAdmitted, UnknownEvent
from domain.postings import movements
from domain.request import Hold, free_cancellation_guard
from tests.support.gateway.postgres_server import Databases
from tests.support.ledger.ledgers import (
    admission,
    admitted,
    check_log,
    debit,
    frozen,
    granted,
    opened,
    released,
    revoked,
)

INT64_MAX = 2**63 - 1
FREE_NANOS = 25
LIMITS = (
    KeyLimits(),
    KeyLimits(budget_nanos_per_month=60),
    KeyLimits(requests_per_minute=3),
    KeyLimits(tokens_per_minute=30),
    KeyLimits(concurrency=2),
)


@dataclass
class Place:
    """An event as the model has it in its log."""

    stream: str
    version: int
    command_id: str
    event: Event
    position: int
    at_micros: int


class Model:
    """The rules of the append over a list and a dictionary. It is told the instants, which only the store knows."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.log: list[Place] = []
        self.buckets: dict[str, int] = {}

    def find(self, stream: str, version: int) -> Place | None:
        return next((place for place in self.log if (place.stream, place.version) == (stream, version)), None)

    def judge(self, append: Append, at_micros: int) -> Verdict:
        """What the store must say, taking the command in where it is committed."""
        if not append.stream.isprintable():
            return Failed("")
        version = append.expected_version + 1
        if there := self.find(append.stream, version):
            if there.command_id == append.command_id:
                return Committed(there.position, there.at_micros, repeated=True)
            return Conflict(append.stream, version, there.command_id)
        if append.expected_version and not self.find(append.stream, append.expected_version):
            return Conflict(append.stream, append.expected_version, None)
        moves: dict[str, int] = {}
        for event in append.events:
            for name, delta in movements(event, at_micros):
                moves[name] = moves.get(name, 0) + delta
        names = [guard.name(at_micros) for guard in append.guards]
        stood = tuple(self.buckets.get(name, 0) for name in names)
        for guard, name, value in zip(append.guards, names, stood, strict=True):
            delta = moves.get(name, 0)
            too_low = guard.floor is not None and value + delta < guard.floor
            if too_low or (guard.ceiling is not None and value + delta > guard.ceiling):
                return GuardRefused(name, value, delta, at_micros, stood)
        if any(abs(self.buckets.get(name, 0) + delta) > INT64_MAX for name, delta in moves.items()):
            return Failed("")
        after = tuple(value + moves.get(name, 0) for name, value in zip(names, stood, strict=True))
        return self._take(append, moves, at_micros, after)

    def _take(self, append: Append, moves: dict[str, int], at_micros: int, guarded: tuple[int, ...]) -> Committed:
        first = self.position + 1
        for version, event in enumerate(append.events, append.expected_version + 1):
            self.position += 1
            self.log.append(Place(append.stream, version, append.command_id, event, self.position, at_micros))
        for name, delta in moves.items():
            self.buckets[name] = self.buckets.get(name, 0) + delta
        return Committed(first, at_micros, guarded=guarded)


class LedgerMachine(RuleBasedStateMachine):
    """Draws commands into a batch, sends it, and compares."""

    ledger: ClassVar[Ledger]
    serial: ClassVar[Iterator[int]]

    def __init__(self) -> None:
        super().__init__()
        self.prefix = f"x{next(self.serial)}-"
        self.start = self.ledger.head().position
        self.model = Model(self.start)
        self.batch: list[Append] = []
        self.sent: list[Append] = []
        self.holds: list[Hold] = []
        self.names = itertools.count(1)

    def account(self, number: int) -> str:
        return f"{self.prefix}a{number}"

    def version(self, stream: str) -> int:
        """Where the stream will be, if all that waits for it is committed."""
        drawn = [append.expected_version + 1 for append in self.batch if append.stream == stream]
        return max([*drawn, *(place.version for place in self.model.log if place.stream == stream), 0])

    def fresh(self) -> str:
        return f"{self.prefix}{next(self.names)}"

    @initialize()
    def fund(self) -> None:
        for number in range(2):
            self.batch += [opened(self.account(number)), granted(self.account(number), 100)]
        self.send()

    # What goes into the next batch

    def admission(self, account_id: str, key: int, hold: int) -> Append:
        key_id, limits = f"{account_id}-k{key}", LIMITS[key]
        return admission(self.fresh(), account_id=account_id, key_id=key_id, hold_nanos=hold, limits=limits)

    @rule(
        number=st.integers(0, 1),
        key=st.integers(0, len(LIMITS) - 1),
        holds=st.lists(st.integers(0, 60), min_size=1, max_size=5),
    )
    def admit(self, number: int, key: int, holds: list[int]) -> None:
        self.batch.extend(self.admission(self.account(number), key, hold) for hold in holds)

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), beyond=st.integers(0, 1))
    def admit_by_what_a_settlement_gives_back(self, data: st.DataObject, beyond: int) -> None:
        """It arrives before the release, and fits only because settlements are judged first; or is one nano too large."""
        hold = data.draw(st.sampled_from(self.holds))
        account_id = hold.admitted.account_id
        there = self.model.buckets[f"available:{account_id}"] + hold.admitted.hold_nanos
        self.batch.append(self.admission(account_id, 0, max(0, there + beyond)))
        self.batch.append(released(hold))

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), cost=st.integers(0, 60))
    def debit(self, data: st.DataObject, cost: int) -> None:
        hold = data.draw(st.sampled_from(self.holds))
        self.batch.append(debit(hold, cost_nanos=cost, command_id=f"debit{cost}-{hold.admitted.request_id}"))

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), delivered=st.integers(0, 20))
    def release(self, data: st.DataObject, delivered: int) -> None:
        hold = data.draw(st.sampled_from(self.holds))
        guards = (free_cancellation_guard(hold, FREE_NANOS),)
        self.batch.append(released(hold, "cancelled", guards, delivered_nanos=delivered))

    @rule(number=st.integers(0, 1), nanos=st.integers(1, 50))
    def grant(self, number: int, nanos: int) -> None:
        account_id = self.account(number)
        version = self.version(f"account:{account_id}")
        self.batch.append(granted(account_id, nanos, version, command_id=self.fresh()))

    @rule(number=st.integers(0, 1), key=st.integers(0, 1))
    def revoke(self, number: int, key: int) -> None:
        account_id = self.account(number)
        append = revoked(account_id, f"{account_id}-k{key}", self.version(f"account:{account_id}"))
        self.batch.append(msgspec.structs.replace(append, command_id=self.fresh()))

    @rule(number=st.integers(2, 3))
    def freeze_another(self, number: int) -> None:
        account_id = self.account(number)
        self.batch.append(msgspec.structs.replace(frozen(account_id, 0), command_id=self.fresh()))

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        self.batch.append(data.draw(st.sampled_from(self.sent)))

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def contest(self, data: st.DataObject) -> None:
        """Another command for a place that is taken, or was refused before."""
        rival = data.draw(st.sampled_from(self.sent))
        self.batch.append(msgspec.structs.replace(rival, command_id=self.fresh()))

    @rule(number=st.integers(0, 1), ahead=st.integers(1, 3))
    def run_ahead(self, number: int, ahead: int) -> None:
        account_id = self.account(number)
        version = self.version(f"account:{account_id}") + ahead
        self.batch.append(granted(account_id, 1, version, command_id=self.fresh()))

    @rule(number=st.integers(0, 1), how=st.sampled_from(["surrogate", "overflow"]))
    def poison(self, number: int, how: str) -> None:
        account_id = self.account(number)
        if how == "surrogate":
            append = msgspec.structs.replace(opened(account_id, self.fresh()), stream="account:\ud800")
        else:
            event = AdjustmentPosted(account_id, "x", "grant", INT64_MAX, "why", None)
            append = Append(
                self.fresh(), f"account:{self.fresh()}", 0, (event,), (Guard(f"held:{account_id}", floor=0),)
            )
            # Only the sum is too large: the guard passes, the bucket does not take it.
            append = msgspec.structs.replace(append, events=(event, event))
        self.batch.append(append)

    # Sending

    @rule()
    def send(self) -> None:
        batch, self.batch = self.batch, []
        self.compare(batch, self.ledger.append(batch))

    @rule(data=st.data())
    def send_and_lose_the_reply(self, data: st.DataObject) -> None:
        """The caller knows nothing, and asks again, perhaps beside other commands."""
        batch, self.batch = self.batch, []
        lost = self.ledger.append(batch)
        again = self.ledger.append(batch)
        self.compare(batch, lost)
        for before, after in zip(lost, again, strict=True):
            if isinstance(before, Committed):
                assert after == msgspec.structs.replace(before, repeated=True, guarded=())
        self.compare(batch, again)

    def compare(self, batch: list[Append], verdicts: list[Verdict]) -> None:
        """Each verdict is the model's, at the instant that the store gave."""
        assert len(verdicts) == len(batch)
        head = self.ledger.head()
        for index in sorted(range(len(batch)), key=lambda index: not batch[index].first):
            append, verdict = batch[index], verdicts[index]
            at = verdict.at_micros if isinstance(verdict, GuardRefused) else None
            if isinstance(verdict, Committed) and not verdict.repeated:
                at = verdict.recorded_at_micros
            expected = self.model.judge(append, head.recorded_at_micros if at is None else at)
            if isinstance(expected, Failed):
                assert isinstance(verdict, Failed)
                continue
            assert verdict == expected, append
            if isinstance(verdict, Committed) and isinstance(append.events[0], RequestAdmitted):
                hold = admitted(append, verdict)
                self.holds += [] if hold in self.holds else [hold]
        self.sent.extend(batch)

    # What holds at any time

    @invariant()
    def log_is_the_models(self) -> None:
        log = self.ledger.read(self.start, 10_000)
        assert [(event.id, event.originator_id, event.originator_version, event.command_id) for event in log] == [
            (place.position, place.stream, place.version, place.command_id) for place in self.model.log
        ]
        codec = Codec()
        decoded: list[Event | UnknownEvent] = [codec.decode(event.topic, event.state) for event in log]
        assert decoded == [place.event for place in self.model.log]
        instants = [event.recorded_at_micros for event in log]
        assert instants == sorted(instants)

    @invariant()
    def buckets_are_the_models(self) -> None:
        assert self.ledger.bucket_values(list(self.model.buckets)) == self.model.buckets

    @invariant()
    def held_is_what_is_open(self) -> None:
        still_open = {request.request_id for request in self.ledger.open_requests()}
        settled = {place.stream for place in self.model.log if place.version == 2}
        for number in range(2):
            held = 0
            for hold in self.holds:
                request_id = hold.admitted.request_id
                assert (request_id in still_open) == (f"request:{request_id}" not in settled)
                if hold.admitted.account_id == self.account(number) and request_id in still_open:
                    held += hold.admitted.hold_nanos
            assert self.model.buckets.get(f"held:{self.account(number)}", 0) == held

    def teardown(self) -> None:
        if self.batch:
            self.send()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared_ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """One database for all examples of an engine."""
    ledger: Any
    if request.param == "sqlite":
        ledger = SQLiteLedger(str(Path(tmp_path_factory.mktemp("machine")) / "ledger.db"))
        ledger.migrate()
        yield ledger
        ledger.close()
        return
    databases: Databases = request.getfixturevalue("databases")
    with databases.lend() as url:
        ledger = PostgresLedger(url)
        ledger.migrate()
        yield ledger
        ledger.close()


def drive(ledger: Ledger, examples: int, steps: int) -> None:
    kind = type("Machine", (LedgerMachine,), {"ledger": ledger, "serial": itertools.count(ledger.head().position)})
    run_state_machine_as_test(
        kind,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    check_log(ledger)


def test_random_batches_agree_with_the_model(shared_ledger: Ledger) -> None:
    drive(shared_ledger, examples=120, steps=30)


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_many_random_batches_agree_with_the_model(shared_ledger: Ledger) -> None:
    drive(shared_ledger, examples=2_000, steps=60)
