"""The contract of the store, run on both engines."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from eventsourcing.persistence import ProgrammingError

from app.ledger.codec import Codec
from app.ledger.queries import BUCKETS_PER_PAGE
from app.ledger.schema.migrations import SCHEMA_VERSION
from app.ledger.store import (
    STREAM_LENGTH_MAX,
    Append,
    Committed,
    Conflict,
    Failed,
    GuardRefused,
    Head,
    Ledger,
    OpenRequest,
)
from domain import buckets
from domain.buckets import Guard
from domain.events import AccountOpened, AdjustmentPosted, KeyCreated, KeyLimits, PriceListed, account_stream
from domain.money import AMOUNT_NANOS_MAX
from domain.request import free_cancellation_guard
from tests.support.ledger.ledgers import (
    Engine,
    admission,
    admitted,
    check_log,
    debit,
    frozen,
    fund,
    granted,
    one,
    opened,
    released,
    revoked,
    whole,
)

# Verdicts


def test_an_empty_log_ends_at_zero(ledger: Ledger) -> None:
    assert ledger.head() == Head(0, 0)
    assert ledger.append([]) == []
    assert whole(ledger) == []


def test_a_command_is_committed_at_the_next_position(ledger: Ledger) -> None:
    first, second = ledger.append([opened("a"), opened("b")])
    assert isinstance(first, Committed)
    assert isinstance(second, Committed)
    assert (first.position, second.position) == (1, 2)
    assert first.recorded_at_micros == second.recorded_at_micros == ledger.head().recorded_at_micros
    [event, _] = check_log(ledger)
    assert (event.originator_id, event.originator_version, event.command_id) == ("account:a", 1, "open-a")
    assert Codec().decode(event.topic, event.state) == AccountOpened("a", "Ada")


def test_a_command_of_several_events_stands_together(ledger: Ledger) -> None:
    created = KeyCreated("a", "k", "n", "d", "h", KeyLimits())
    both = Append("c", account_stream("a"), 0, (AccountOpened("a", "Ada"), created))
    assert one(ledger, both) == Committed(1, ledger.head().recorded_at_micros)
    assert [event.command_id for event in check_log(ledger)] == ["c", "c"]
    again = one(ledger, both)
    assert isinstance(again, Committed)
    assert (again.position, again.repeated) == (1, True)


def test_a_repeat_is_committed_at_its_old_position_before_any_guard(ledger: Ledger) -> None:
    fund(ledger, nanos=10)
    request = admission("r", hold_nanos=10)
    first = one(ledger, request)
    assert isinstance(first, Committed)
    again = one(ledger, request)
    assert again == Committed(first.position, first.recorded_at_micros, repeated=True)
    assert ledger.head().position == 3
    check_log(ledger)


def test_the_same_command_twice_in_one_batch_is_committed_once(ledger: Ledger) -> None:
    first, second = ledger.append([opened(), opened()])
    assert isinstance(first, Committed)
    assert second == Committed(first.position, first.recorded_at_micros, repeated=True)
    assert len(check_log(ledger)) == 1


def test_another_command_at_the_same_place_is_a_conflict_that_names_the_first(ledger: Ledger) -> None:
    one(ledger, opened())
    assert one(ledger, opened(command_id="other")) == Conflict("account:a", 1, "open-a")
    mine, theirs = ledger.append([granted(command_id="mine"), granted(command_id="theirs")])
    assert isinstance(mine, Committed)
    assert theirs == Conflict("account:a", 2, "mine-a")
    assert len(check_log(ledger)) == 2


def test_a_stream_that_is_shorter_than_expected_is_a_conflict_with_nobody(ledger: Ledger) -> None:
    assert one(ledger, granted(version=1)) == Conflict("account:a", 1, None)
    one(ledger, opened())
    assert one(ledger, granted(version=5)) == Conflict("account:a", 5, None)
    assert len(check_log(ledger)) == 1


def test_a_command_may_follow_another_of_its_batch(ledger: Ledger) -> None:
    verdicts = ledger.append([opened(), granted(version=1), granted(version=2, command_id="more")])
    assert [verdict.position for verdict in verdicts if isinstance(verdict, Committed)] == [1, 2, 3]
    assert ledger.bucket_values(["available:a"]) == {"available:a": 200}


def test_a_command_after_a_refused_one_of_its_stream_is_a_conflict(ledger: Ledger) -> None:
    refused, after = ledger.append([admission("r"), Append("x", "request:r", 1, (AccountOpened("a", "n"),))])
    assert isinstance(refused, GuardRefused)
    assert after == Conflict("request:r", 1, None)
    assert ledger.head() == Head(0, 0)


def test_a_command_without_events_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(AssertionError):
        Append("c", "account:a", 0, ())


# Guards


def test_a_hold_is_refused_where_it_does_not_fit(ledger: Ledger) -> None:
    fund(ledger, nanos=10)
    verdict = one(ledger, admission("r", hold_nanos=11))
    assert isinstance(verdict, GuardRefused)
    assert (verdict.bucket, verdict.value, verdict.delta) == ("available:a", 10, -11)
    assert verdict.at_micros >= ledger.head().recorded_at_micros
    assert len(check_log(ledger)) == 2


def test_each_command_of_a_batch_sees_those_before_it(ledger: Ledger) -> None:
    fund(ledger, nanos=50)
    verdicts = ledger.append([admission(f"r{n}", hold_nanos=10) for n in range(8)])
    assert [type(verdict) for verdict in verdicts] == [Committed] * 5 + [GuardRefused] * 3
    assert ledger.bucket_values(["available:a", "held:a", "open:k"]) == {"available:a": 0, "held:a": 50, "open:k": 5}
    check_log(ledger)


def test_a_smaller_command_may_pass_where_a_larger_one_was_refused(ledger: Ledger) -> None:
    fund(ledger, nanos=10)
    large, small = ledger.append([admission("l", hold_nanos=11), admission("s", hold_nanos=10)])
    assert isinstance(large, GuardRefused)
    assert isinstance(small, Committed)


def test_a_frozen_account_and_a_revoked_key_admit_nothing(ledger: Ledger) -> None:
    fund(ledger)
    one(ledger, frozen(version=2))
    verdict = one(ledger, admission("r"))
    assert isinstance(verdict, GuardRefused)
    assert verdict.bucket == "frozen:a"
    fund(ledger, "b")
    one(ledger, revoked("b", "kb", version=2))
    verdict = one(ledger, admission("r", account_id="b", key_id="kb"))
    assert isinstance(verdict, GuardRefused)
    assert verdict.bucket == "revoked:kb"


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        (KeyLimits(budget_nanos_per_month=25), "spend:k:"),
        (KeyLimits(requests_per_minute=2), "requests:k:"),
        (KeyLimits(tokens_per_minute=20), "tokens:k:"),
        (KeyLimits(concurrency=2), "open:k"),
    ],
)
def test_a_limit_of_a_key_admits_two_of_three(
    ledger: Ledger, limits: KeyLimits, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(ledger, nanos=1_000)
    verdicts = ledger.append([admission(f"r{n}", limits=limits) for n in range(3)])
    assert [type(verdict) for verdict in verdicts] == [Committed, Committed, GuardRefused]
    refused = verdicts[2]
    assert isinstance(refused, GuardRefused)
    assert refused.bucket.startswith(kind)
    check_log(ledger)


def test_a_guard_is_judged_in_the_window_of_its_instant(ledger: Ledger) -> None:
    fund(ledger)
    at = ledger.head().recorded_at_micros
    for window in ("minute", "day", "month"):
        guard = Guard("requests:k", window, ceiling=-1)
        verdict = one(ledger, Append(f"c{window}", "price:m", 0, (PriceListed("m", {}),), (guard,)))
        assert isinstance(verdict, GuardRefused)
        assert verdict.bucket in (guard.name(at), guard.name(verdict.at_micros))


def test_a_floor_and_a_ceiling_are_inclusive(ledger: Ledger) -> None:
    fund(ledger, nanos=10)
    event = AdjustmentPosted("a", "x", "correction", -4, "why", None)

    def corrected(guard: Guard) -> type:
        return type(one(ledger, Append("x", "account:a", 2, (event,), (guard,))))

    assert corrected(Guard("available:a", floor=7)) is GuardRefused
    assert corrected(Guard("available:a", ceiling=5)) is GuardRefused
    assert corrected(Guard("available:a", floor=6, ceiling=6)) is Committed


# Settlements


def test_settlements_are_judged_before_admissions(ledger: Ledger) -> None:
    fund(ledger, nanos=10)
    first = admission("r1", hold_nanos=10)
    hold = admitted(first, one(ledger, first))
    admission_verdict, settlement_verdict = ledger.append([admission("r2", hold_nanos=10), released(hold)])
    assert isinstance(admission_verdict, Committed)
    assert isinstance(settlement_verdict, Committed)
    assert settlement_verdict.position < admission_verdict.position
    assert [request.request_id for request in ledger.open_requests()] == ["r2"]
    check_log(ledger)


def test_a_debit_charges_in_full_and_may_take_the_account_below_zero(ledger: Ledger) -> None:
    fund(ledger, nanos=10)
    request = admission("r", hold_nanos=10)
    hold = admitted(request, one(ledger, request))
    assert isinstance(one(ledger, debit(hold, cost_nanos=25)), Committed)
    assert ledger.bucket_values(["available:a", "held:a"]) == {"available:a": -15, "held:a": 0}
    verdict = one(ledger, admission("r2", hold_nanos=0))
    assert isinstance(verdict, GuardRefused)
    check_log(ledger)


def test_a_request_is_settled_once(ledger: Ledger) -> None:
    fund(ledger)
    request = admission("r")
    hold = admitted(request, one(ledger, request))
    won, lost = ledger.append([released(hold), debit(hold)])
    assert isinstance(won, Committed)
    assert lost == Conflict("request:r", 2, "release-r")
    assert one(ledger, debit(hold)) == Conflict("request:r", 2, "release-r")
    check_log(ledger)


def test_free_cancellations_are_refused_past_the_limit_of_the_day(ledger: Ledger) -> None:
    fund(ledger)
    for name, verdict_type in [("r1", Committed), ("r2", GuardRefused)]:
        request = admission(name)
        hold = admitted(request, one(ledger, request))
        guard = free_cancellation_guard(hold, 10)
        verdict = one(ledger, released(hold, "cancelled", (guard,), delivered_nanos=6))
        assert isinstance(verdict, verdict_type)
    assert [request.request_id for request in ledger.open_requests()] == ["r2"]
    check_log(ledger)


def test_nobody_spends_more_than_there_is_however_many_ask_at_once(engine: Engine, ledger: Ledger) -> None:
    fund(ledger, nanos=500)
    batches = [[admission(f"r{b}-{n}", hold_nanos=10) for n in range(10)] for b in range(20)]
    verdicts = concurrently(engine, 4, batches)
    assert sum(isinstance(verdict, Committed) for verdict in verdicts) == 50
    assert sum(isinstance(verdict, GuardRefused) for verdict in verdicts) == 150
    assert ledger.bucket_values(["available:a", "held:a"]) == {"available:a": 0, "held:a": 500}
    check_log(ledger)


def concurrently(engine: Engine, writers: int, batches: list[list[Append]]) -> list[object]:
    """The verdicts of all batches, shared out among writers that each have a ledger of their own."""
    ledgers = [engine.open() for _ in range(writers)]
    start = threading.Barrier(writers)

    def write(index: int) -> list[object]:
        start.wait()
        return [verdict for batch in batches[index::writers] for verdict in ledgers[index].append(batch)]

    with ThreadPoolExecutor(writers) as pool:
        return [verdict for verdicts in pool.map(write, range(writers)) for verdict in verdicts]


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


# What enters only by append, and never leaves


def test_events_enter_by_append_alone(ledger: Ledger) -> None:
    with pytest.raises(NotImplementedError):
        ledger.insert_events([])  # type: ignore[attr-defined]


FORBIDDEN = {
    "sqlite": [
        "INSERT OR REPLACE INTO stored_events SELECT * FROM stored_events",
        "INSERT OR REPLACE INTO stored_events VALUES (3, 'account:a', 1, 'x', x'', 'x', 0)",
        "INSERT INTO stored_events VALUES (9, 'account:z', 1, 'x', x'', 'x', 0)",
    ],
    "postgres": [
        "TRUNCATE stored_events",
        "INSERT INTO stored_events TABLE stored_events ON CONFLICT (notification_id) DO UPDATE SET topic = 'x'",
    ],
}


def test_the_database_refuses_to_change_or_delete_events(engine: Engine, ledger: Ledger) -> None:
    ledger.append([opened("a"), opened("b")])
    before = whole(ledger)
    for statement in (
        "UPDATE stored_events SET command_id = 'x'",
        "DELETE FROM stored_events",
        "DELETE FROM stored_events WHERE notification_id = 1",
        *FORBIDDEN[engine.name],
    ):
        with pytest.raises(database_error(engine)):
            execute(engine, statement)
        assert whole(ledger) == before, statement


def database_error(engine: Engine) -> type[Exception]:
    import sqlite3

    import psycopg

    return sqlite3.IntegrityError if engine.name == "sqlite" else psycopg.errors.RaiseException


def execute(engine: Engine, statement: str) -> None:
    """One statement by someone with the database open in a shell."""
    import sqlite3

    import psycopg

    if engine.name == "postgres":
        with psycopg.connect(engine.location, autocommit=True) as connection:
            connection.execute(statement.encode())
        return
    shell = sqlite3.connect(engine.location, isolation_level=None)
    try:
        shell.execute(statement)
    finally:
        shell.close()


# Poisoned commands


def overflow(account_id: str) -> list[Append]:
    """Ten grants of the most that one may be: their sum passes 64 bits at the tenth."""
    return [granted(account_id, AMOUNT_NANOS_MAX, version=n + 1, command_id=f"g{n}") for n in range(10)]


POISON: dict[str, Callable[[], Append]] = {
    "a lone surrogate in the stream": lambda: Append("p", "account:\ud800", 0, (AccountOpened("p", "n"),)),
    "a lone surrogate in the command id": lambda: Append("\udfff", "account:p", 0, (AccountOpened("p", "n"),)),
    "a lone surrogate in the event": lambda: Append("p", "account:p", 0, (AccountOpened("p", "\ud800"),)),
    "a lone surrogate in a bucket": lambda: frozen("\ud800", version=0),
    "a lone surrogate in a guard": lambda: Append(
        "p", "account:p", 0, (AccountOpened("p", "n"),), (Guard("available:\ud800"),)
    ),
    "a zero byte in the stream": lambda: Append("p", "account:p\0", 0, (AccountOpened("p", "n"),)),
    "an empty stream": lambda: Append("p", "", 0, (AccountOpened("p", "n"),)),
    "an endless stream": lambda: Append("p", "a" * (STREAM_LENGTH_MAX + 1), 0, (AccountOpened("p", "n"),)),
    "an amount past 64 bits": lambda: Append(
        "p", "account:p", 0, (AdjustmentPosted("p", "x", "grant", 2**63, "why", None),)
    ),
    "an amount far past 64 bits": lambda: Append(
        "p", "account:p", 0, (AdjustmentPosted("p", "x", "grant", 2**200, "why", None),)
    ),
    "a value that is no JSON": lambda: Append("p", "price:p", 0, (PriceListed("p", {"input": object()}),)),
    "a deadline past 64 bits": lambda: admission("p", account_id="rich", deadline_at_micros=2**63),
    "a request that is open already": lambda: Append(
        "p", "request:other", 0, (admission("open", account_id="rich").events[0],)
    ),
    "a version past 64 bits": lambda: Append("p", "account:p", 2**63, (AccountOpened("p", "n"),)),
}


@pytest.mark.parametrize("poison", POISON)
def test_a_poisoned_command_fails_alone(ledger: Ledger, poison: str) -> None:
    fund(ledger, "rich", 1_000)
    one(ledger, admission("open", account_id="rich"))
    batch = [opened("a"), POISON[poison](), opened("b"), admission("r", account_id="rich"), granted("a")]
    verdicts = ledger.append(batch)
    assert [type(verdict) for verdict in verdicts] == [Committed, Failed, Committed, Committed, Committed]
    failed = verdicts[1]
    assert isinstance(failed, Failed)
    assert failed.message
    assert len(check_log(ledger)) == 7
    assert all(isinstance(verdict, Committed) for verdict in ledger.append([batch[0], *batch[2:]]))


def test_a_bucket_that_overflows_fails_the_command_that_did_it(ledger: Ledger) -> None:
    one(ledger, opened("rich"))
    verdicts = ledger.append(overflow("rich"))
    assert [type(verdict) for verdict in verdicts] == [Committed] * 9 + [Failed]
    check_log(ledger)


def test_settlements_come_first_even_beside_a_poisoned_command(ledger: Ledger) -> None:
    fund(ledger, nanos=10)
    first = admission("r1", hold_nanos=10)
    hold = admitted(first, one(ledger, first))
    poison = POISON["an amount past 64 bits"]()
    verdicts = ledger.append([admission("r2", hold_nanos=10), poison, released(hold)])
    assert [type(verdict) for verdict in verdicts] == [Committed, Failed, Committed]
    check_log(ledger)


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
        assert list(pool.map(migrate, ledgers)) == [SCHEMA_VERSION] * 4
    for ledger in ledgers:
        ledger.check_schema()
    fund(ledgers[0])
    assert ledgers[1].migrate() == SCHEMA_VERSION
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
