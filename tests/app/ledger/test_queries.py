"""Reading the log in order, the clock, leases and pruning, on both engines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from app.ledger.queries import BUCKETS_PER_PAGE
from app.ledger.store import (
    Append,
    Committed,
    GuardRefused,
    Ledger,
    OpenRequest,
)
from domain import buckets
from domain.events import AccountOpened, AdjustmentPosted, KeyCreated, KeyLimits
from tests.support.ledger.ledgers import (
    Engine,
    admission,
    check_log,
    concurrently,
    fund,
    granted,
    one,
    opened,
    revoked,
)

# Positions and reading


def test_a_tailing_reader_never_skips_while_four_writers_append(engine: Engine, ledger: Ledger) -> None:
    total = 4 * 40 * 3
    batches = [[opened(f"a{b}-{n}") for n in range(3)] for b in range(4 * 40)]
    seen: list[int] = []
    done = threading.Event()

    def tail() -> None:
        reader = engine.open()
        while len(seen) < total:
            page = reader.read(seen[-1] if seen else 0, 7)
            seen.extend(event.id for event in page)
            if not page and done.is_set() and reader.head().position <= len(seen):
                return

    with ThreadPoolExecutor(1) as pool:
        tailing = pool.submit(tail)
        try:
            verdicts = concurrently(engine, 4, batches)
        finally:
            done.set()
        tailing.result(timeout=60)
    assert all(isinstance(verdict, Committed) for verdict in verdicts)
    assert seen == list(range(1, total + 1))
    check_log(ledger)


def test_a_failed_or_refused_batch_leaves_no_gap(ledger: Ledger) -> None:
    one(ledger, opened())
    one(ledger, admission("r"))
    one(ledger, opened(command_id="conflict"))
    one(ledger, Append("c", "account:\ud800", 0, (AccountOpened("x", "n"),)))
    assert one(ledger, opened("b")) == Committed(2, ledger.head().recorded_at_micros)


def test_streams_and_pages_are_in_order(ledger: Ledger) -> None:
    ledger.append([opened("a"), opened("b"), granted("a"), granted("b"), granted("a", version=2, command_id="more")])
    assert [event.originator_version for event in ledger.stream("account:a")] == [1, 2, 3]
    assert ledger.stream("account:nobody") == []
    assert [event.id for event in ledger.read(2, 2)] == [3, 4]
    assert ledger.read(5, 10) == []


def test_keys_are_read_by_themselves(ledger: Ledger) -> None:
    fund(ledger)
    created = Append("key", "account:a", 2, (KeyCreated("a", "k", "n", "d", "h", KeyLimits()),))
    ledger.append([created, admission("r"), revoked("a", "k", version=3)])
    assert [event.topic for event in ledger.read_keys(0, 10)] == ["account.key_created.v1", "account.key_revoked.v1"]
    assert [event.id for event in ledger.read_keys(3, 10)] == [5]
    assert [event.id for event in ledger.read_keys(0, 1)] == [3]


def test_buckets_are_read_over_many_pages(ledger: Ledger) -> None:
    count = BUCKETS_PER_PAGE * 2 + 1
    for start in range(0, count, 500):
        batch = [
            Append(f"c{n}", f"account:a{n:06}", 0, (AdjustmentPosted(f"a{n:06}", "g", "grant", n + 1, "why", None),))
            for n in range(start, min(count, start + 500))
        ]
        assert all(isinstance(verdict, Committed) for verdict in ledger.append(batch))
    listed = list(ledger.buckets())
    assert listed == [(f"available:a{n:06}", n + 1) for n in range(count)]


def test_a_bucket_that_never_moved_is_zero(ledger: Ledger) -> None:
    fund(ledger, nanos=3)
    assert ledger.bucket_values(["available:a", "held:nobody"]) == {"available:a": 3, "held:nobody": 0}
    assert ledger.bucket_values([]) == {}


class Interleaved(list[str]):
    """Names between which another process moves money, if they are read one by one."""

    def __init__(self, names: list[str], between: Callable[[], None]) -> None:
        super().__init__(names)
        self._between = between

    def __iter__(self) -> Iterator[str]:
        first, *rest = super().__iter__()
        yield first
        self._between()
        yield from rest


def test_several_buckets_are_read_at_one_instant(engine: Engine, ledger: Ledger) -> None:
    fund(ledger)
    with engine.another() as other:

        def hold(request_id: str) -> None:
            assert isinstance(one(other, admission(request_id, hold_nanos=30)), Committed)

        names = ["available:a", "held:a"]
        values = ledger.bucket_values(Interleaved(names, lambda: hold("first")))
        assert sum(values.values()) == 100
        head, values = ledger.bucket_values_at_head(Interleaved(names, lambda: hold("second")))
        assert (head, values) == (ledger.head(), {"available:a": 40, "held:a": 60})


def test_a_bucket_that_never_moved_is_zero_at_the_head_of_an_empty_log(ledger: Ledger) -> None:
    assert ledger.bucket_values_at_head(["held:nobody"]) == (ledger.head(), {"held:nobody": 0})
    assert ledger.bucket_values_at_head([]) == (ledger.head(), {})


def test_a_snapshot_sees_one_instant(engine: Engine, ledger: Ledger) -> None:
    fund(ledger)
    with ledger.snapshot() as snapshot:
        before = snapshot.head()
        with engine.another() as other:
            assert isinstance(one(other, admission("r")), Committed)
        assert snapshot.head() == before
        assert len(snapshot.read(0, 10)) == 2
        assert snapshot.open_requests() == []
        assert dict(snapshot.buckets()) == {"available:a": 100}
    assert ledger.head().position == 3


def test_a_snapshot_that_breaks_off_leaves_the_ledger_in_order(ledger: Ledger) -> None:
    with suppress(KeyError), ledger.snapshot() as snapshot:
        snapshot.head()
        raise KeyError
    fund(ledger)
    with ledger.snapshot() as snapshot:
        check_log(snapshot)


# Instants


def test_the_instant_never_goes_back(engine: Engine, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    one(ledger, opened())
    instant = ledger.head().recorded_at_micros
    monkeypatch.setattr("time.time_ns", lambda: 1_000_000_000)
    verdict = one(ledger, granted())
    assert isinstance(verdict, Committed)
    assert verdict.recorded_at_micros >= instant
    refused = one(ledger, admission("r", hold_nanos=10**6))
    assert isinstance(refused, GuardRefused)
    assert refused.at_micros >= instant
    check_log(ledger)


def test_the_stores_clock_runs_forward(ledger: Ledger) -> None:
    before = ledger.now_micros()
    one(ledger, opened())
    assert before <= ledger.head().recorded_at_micros <= ledger.now_micros()


# Instances, orphans, pruning


def test_requests_of_an_instance_without_a_lease_are_orphans(ledger: Ledger) -> None:
    fund(ledger)
    ledger.renew_lease("alive", 60)
    deadline = ledger.now_micros() + 3_600_000_000
    ledger.append(
        [
            admission("r1", instance_id="alive", deadline_at_micros=deadline),
            admission("r2", instance_id="gone", deadline_at_micros=deadline),
            admission("r3", instance_id="alive", deadline_at_micros=1),
        ]
    )
    found = ledger.orphans(margin_seconds=0, grace_seconds=0, limit=10)
    assert found == [OpenRequest("r2", 4, "gone", deadline), OpenRequest("r3", 5, "alive", 1)]
    assert ledger.orphans(margin_seconds=0, grace_seconds=0, limit=1) == found[:1]
    ledger.end_lease("alive")
    assert len(ledger.orphans(margin_seconds=0, grace_seconds=0, limit=10)) == 3


def test_a_lease_is_over_only_after_its_margin(ledger: Ledger) -> None:
    fund(ledger)
    ledger.renew_lease("i", -5)
    one(ledger, admission("r", deadline_at_micros=2**62))
    assert ledger.orphans(margin_seconds=60, grace_seconds=0, limit=10) == []
    assert len(ledger.orphans(margin_seconds=1, grace_seconds=0, limit=10)) == 1
    ledger.renew_lease("i", 60)
    assert ledger.orphans(margin_seconds=0, grace_seconds=0, limit=10) == []


def test_pruning_forgets_old_minutes_and_nothing_else(ledger: Ledger) -> None:
    fund(ledger)
    one(ledger, admission("r"))
    before = dict(ledger.buckets())
    minute = buckets.minute_of(ledger.head().recorded_at_micros)
    assert ledger.prune(minutes_before=minute) == 0
    assert ledger.prune(minutes_before="9999-12-31T23:59") == 2
    after = dict(ledger.buckets())
    assert {name for name in before if name not in after} == {f"requests:k:{minute}", f"tokens:k:{minute}"}
    assert all(before[name] == value for name, value in after.items())


def test_pruning_forgets_instances_that_are_gone_but_not_while_they_own_requests(ledger: Ledger) -> None:
    fund(ledger)
    ledger.renew_lease("i", -100_000)
    ledger.renew_lease("idle", -100_000)
    ledger.renew_lease("fresh", 1)
    one(ledger, admission("r"))
    assert ledger.prune(minutes_before="1970-01-01T00:00") == 1
