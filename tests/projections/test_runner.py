"""The runner on both engines: every projection follows the log, whatever fails on the way."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from app.faults import ReadModelsUnavailable
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import Append, Head
from app.read_models import DecodedLog, PostgresReadModels, ReadModels
from projections.contract import Batch, TakenOver, Tracked, Unavailable
from projections.runner import ALL, Runner
from projections.tables import Change, Key, Row, Table
from tests.support.ledger.histories import USD, Book, grant
from tests.support.ledger.stages import Stage, contents, drain, positions


class Cut(Exception):
    """Simulates the death of the process."""


class DyingViews:
    """Views whose process dies at the n-th statement, before it or after it."""

    def __init__(self, views: ReadModels, dies_at: int) -> None:
        self.views, self.left = views, dies_at

    def __getattr__(self, name: str) -> Any:
        return getattr(self.views, name)

    @contextmanager
    def batch(self, names: Sequence[str], rebuild: str | None = None) -> Iterator[Batch | None]:
        with self.views.batch(names, rebuild) as batch:
            yield None if batch is None else DyingBatch(batch, self)


class DyingBatch:
    def __init__(self, batch: Batch, owner: DyingViews) -> None:
        self._batch, self._owner = batch, owner

    @property
    def tracked(self) -> Mapping[str, Tracked]:
        return self._batch.tracked

    def read(self, table: Table, keys: Collection[Key]) -> Mapping[Key, Row]:
        return self._batch.read(table, keys)

    def identify(self, identity: str) -> None:
        self._batch.identify(identity)

    def write(self, change: Change) -> None:
        self._count()
        self._batch.write(change)

    def advance(self, name: str, tracked: Tracked) -> None:
        self._count()
        self._batch.advance(name, tracked)

    def _count(self) -> None:
        self._owner.left -= 1
        if self._owner.left < 0:
            # As TakenOver, because that is what a runner lets through: anything else is noted as the projection's fault.
            raise TakenOver from Cut()


def test_all_projections_reach_the_head_whatever_the_size_of_batches(stage: Stage) -> None:
    stage.book.busy(120)
    small, large = stage.views(), stage.views()
    assert drain(Runner(stage.log, small, batch_events=7)) == stage.log.head().position
    assert positions(small) == {stage.log.head().position}
    by_sevens = contents(small)
    assert all(by_sevens[table] for table in ("balances", "balances_now", "transactions", "usage", "keys", "accounts"))
    Runner(stage.log, large, batch_events=5_000).rebuild()
    assert contents(large) == by_sevens


def test_a_batch_that_dies_between_any_two_statements_leaves_nothing(stage: Stage) -> None:
    stage.book.busy(20)
    views = stage.views()
    Runner(stage.log, views).prepare()
    deaths = 0
    while True:
        runner = Runner(stage.log, DyingViews(views, deaths))
        runner.prepare()
        try:
            runner.step()
        except TakenOver:
            assert positions(views) == {0}
            assert not any(contents(views).values())
            deaths += 1
        else:
            break
    assert deaths >= 10
    assert positions(views) == {stage.log.head().position}


def test_two_runners_at_once_apply_every_event_once(stage: Stage) -> None:
    stage.book.busy(150)
    first, second, alone = stage.views(), stage.views(), stage.views()
    head = stage.log.head().position
    applied: list[int] = []

    def follow(views: ReadModels) -> None:
        runner = Runner(stage.log, views, batch_events=11)
        runner.prepare()
        while positions(views) != {head}:
            applied.append(runner.step())

    threads = [threading.Thread(target=follow, args=(views,)) for views in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sum(applied) == head
    both = contents(first)
    Runner(stage.log, alone).rebuild()
    assert contents(alone) == both


def test_a_batch_held_by_another_process_is_left_to_it(postgres_url: str) -> None:
    stage = Stage("postgres", postgres_url)
    stage.book.busy(5)
    holder, other = stage.views(), Runner(stage.log, stage.views())
    other.prepare()
    Runner(stage.log, holder).prepare()
    with holder.batch([item.name for item in ALL]) as batch:
        assert batch is not None
        assert other.step() == 0
    assert other.step() > 0
    stage.close()


def test_a_rebuild_while_another_runs_takes_over_and_the_first_says_so(stage: Stage) -> None:
    stage.book.busy(20)
    views, runner = stage.views(), Runner(stage.log, stage.views(), batch_events=10)
    drain(Runner(stage.log, views))
    before = contents(views)
    begun: list[int] = []

    def interfere(_done: int, _of: int) -> None:
        if not begun:
            begun.append(Runner(stage.log, views).rebuild())

    with pytest.raises(TakenOver):
        runner.rebuild(progress=interfere)
    assert contents(views) == before


def test_readers_see_the_old_tables_until_a_rebuild_is_whole(stage: Stage) -> None:
    stage.book.busy(40)
    views = stage.views()
    runner = Runner(stage.log, views, batch_events=16)
    drain(runner)
    balance, before = views.balance("acme"), contents(views)
    seen: list[tuple[int, int]] = []

    def look(done: int, of: int) -> None:
        seen.append((done, of))
        assert views.balance("acme") == balance
        assert contents(views) == before

    assert runner.rebuild(["balances", "usage"], look) == stage.log.head().position
    assert seen[-1] == (stage.log.head().position, stage.log.head().position)
    assert len(seen) > 3
    assert contents(views) == before
    stage.book.say("account:acme", grant("acme", USD, "grant-2"))
    assert drain(runner) == 1
    assert views.balance("acme").value.available_nanos == balance.value.available_nanos + USD


def test_a_rebuild_repairs_rows_that_were_changed(stage: Stage) -> None:
    stage.book.busy(20)
    views = stage.views()
    runner = Runner(stage.log, views)
    drain(runner)
    right = contents(views)
    with views.batch(["balances"]) as batch:
        assert batch is not None
        row = right["balances_now"][0]
        batch.write(Change(ALL[0].tables[1], "put", [(*row[:3], 1, 2)]))
    assert contents(views) != right
    runner.rebuild(["balances"])
    assert contents(views) == right


def test_views_of_another_log_or_with_other_definitions_are_recreated(stage: Stage, tmp_path: Path) -> None:
    stage.book.busy(5)
    views = stage.views()
    drain(Runner(stage.log, views))
    other = SQLiteLedger(str(tmp_path / "other.db"))
    other.migrate()
    Runner(DecodedLog(other), views).prepare()
    assert positions(views) == {0}
    Book(other).open("carol")
    drain(Runner(DecodedLog(other), views))
    other.close()
    assert [one.account_id for one in views.accounts().value] == ["carol"]
    fewer = stage.views()
    Runner(stage.log, fewer, ALL[:2]).prepare()
    with pytest.raises(TakenOver), views.batch(["balances"]):
        pytest.fail("a batch over tables of another version")


def test_a_log_that_ends_before_the_views_stops_them(stage: Stage) -> None:
    stage.book.busy(5)
    views = stage.views()
    drain(Runner(stage.log, views))
    stage.drop_triggers()
    stage.sql("DELETE FROM stored_events WHERE notification_id > 10", "UPDATE log_head SET position = 10")
    runner = Runner(stage.log, views)
    assert drain(runner) == 0
    assert all("log ends before" in (one.error or "") for one in runner.status())
    longer = [grant("acme", USD, f"more-{number}") for number in range(60)]
    Book(stage.ledger).append(*(Append(f"more-{n}", f"other:{n}", 0, (event,)) for n, event in enumerate(longer)))
    runner = Runner(stage.log, views)
    drain(runner)
    assert all("differs from the one that was applied" in (one.error or "") for one in runner.status())
    assert runner.rebuild() == 70
    assert [one.error for one in runner.status()] == [None] * len(ALL)


class Watched(Runner):
    """Counts the events that it has applied, and reports when there are enough."""

    applied_events = 0
    _enough = (0, trio.Event())

    def step(self) -> int:
        events = super().step()
        trio.from_thread.run_sync(self._count, events)
        return events

    def _count(self, events: int) -> None:
        self.applied_events += events
        if self.applied_events >= self._enough[0]:
            self._enough[1].set()

    async def until(self, events: int) -> None:
        self._enough = (events, trio.Event())
        if self.applied_events < events:
            await self._enough[1].wait()


async def test_a_running_runner_applies_what_is_committed_when_poked(stage: Stage) -> None:
    stage.book.open("acme", grant_nanos=USD)
    views = stage.views()
    runner = Watched(stage.log, views, idle_seconds=3_600)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        with trio.fail_after(30):
            await runner.until(2)
            stage.book.say("account:acme", grant("acme", USD, "grant-2"))
            runner.poke()
            await runner.until(3)
        assert views.balance("acme").value.available_nanos == 2 * USD
        nursery.cancel_scope.cancel()


async def test_a_runner_waits_while_its_store_is_out_of_reach(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    stage.book.open("acme", grant_nanos=USD)
    views = stage.views()
    runner = Watched(stage.log, views)
    failures: list[Exception] = [Unavailable("locked"), ZeroDivisionError("a defect"), Unavailable("gone")]
    read = stage.ledger.head

    def head() -> Head:
        if failures:
            raise failures.pop()
        return read()

    monkeypatch.setattr(stage.ledger, "head", head)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        await runner.until(2)
        nursery.cancel_scope.cancel()
    assert failures == []
    assert views.balance("acme").value.available_nanos == USD


def test_a_process_that_dies_in_a_batch_leaves_it_to_the_next(postgres_url: str) -> None:
    stage = Stage("postgres", postgres_url)
    stage.book.busy(5)
    dying, heir = PostgresReadModels(postgres_url), Runner(stage.log, stage.views())
    heir.prepare()
    Runner(stage.log, dying).prepare()

    def die_in_a_batch() -> None:
        with dying.batch([item.name for item in ALL]) as held:
            assert held is not None
            held.write(Change(ALL[2].tables[0], "add", [("acme", 1, "k", "m", *range(10))]))
            assert heir.step() == 0
            stage.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'")
            held.advance("usage", Tracked(1, 1))

    with pytest.raises(ReadModelsUnavailable):
        die_in_a_batch()
    dying.close()
    assert heir.step() == stage.log.head().position
    assert "k" not in {row[2] for row in contents(stage.shown)["usage"]}
    stage.close()


def test_many_processes_may_prepare_at_once(stage: Stage) -> None:
    many = [stage.views() for _ in range(6)]
    failures: list[BaseException] = []

    def prepare(views: ReadModels) -> None:
        try:
            Runner(stage.log, views).prepare()
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=prepare, args=(views,)) for views in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    assert all(positions(views) == {0} for views in many)
