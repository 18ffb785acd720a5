"""Leases, orphans, pruning, the schema, and the library that reads along."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from eventsourcing.persistence import ProgrammingError

from app.ledger.store import (
    Ledger,
    OpenRequest,
)
from domain import buckets
from tests.app.ledger.ledgers import (
    Engine,
    admission,
    check_log,
    fund,
    one,
)

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


# Schema


def test_a_schema_is_made_once_by_many_at_once(engine: Engine) -> None:
    ledgers = [engine.open() for _ in range(4)]
    start = threading.Barrier(4)

    def migrate(ledger: Ledger) -> int:
        start.wait()
        return ledger.migrate()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(migrate, ledgers)) == [1] * 4
    for ledger in ledgers:
        ledger.check_schema()
    fund(ledgers[0])
    assert ledgers[1].migrate() == 1
    check_log(ledgers[2])


def test_the_library_reads_the_log_too(ledger: Ledger) -> None:
    """`eventsourcing`'s own notification log and aggregate recorder work on it."""
    fund(ledger)
    recorder = ledger
    assert recorder.max_notification_id() == 2  # type: ignore[attr-defined]
    notifications = recorder.select_notifications(start=1, limit=10)  # type: ignore[attr-defined]
    assert [notification.id for notification in notifications] == [1, 2]
    topics = ["account.opened.v1"]
    assert len(recorder.select_notifications(1, 10, topics=topics)) == 1  # type: ignore[attr-defined]
    after = recorder.select_notifications(1, 10, stop=2, inclusive_of_start=False)  # type: ignore[attr-defined]
    assert [notification.id for notification in after] == [2]
    stored = recorder.select_events("account:a")  # type: ignore[attr-defined]
    assert [event.originator_version for event in stored] == [1, 2]
    with pytest.raises((NotImplementedError, ProgrammingError)):
        recorder.insert_events(stored)  # type: ignore[attr-defined]
