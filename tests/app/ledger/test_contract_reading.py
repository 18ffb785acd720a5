"""The contract of the store, on both engines: positions, pages and snapshots."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from app.ledger.queries import BUCKETS_PER_PAGE
from app.ledger.store import (
    Append,
    Committed,
    Ledger,
)
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
        tailing.result(timeout=120)
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
