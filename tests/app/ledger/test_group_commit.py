"""Group commit."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from app.ledger.group_commit import GroupCommit
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import (
    BATCH_MAX,
    Append,
    CommandFailed,
    Committed,
    Conflict,
    Failed,
    GuardRefused,
    Ledger,
    StoreBusy,
    StoreUnavailable,
    Verdict,
)
from tests.support.ledger.ledgers import admission, admitted, check_log, fund, opened, released


class GatedLedger:
    """Commits a batch each time the test opens the gate, or raises what the test hands it."""

    def __init__(self) -> None:
        self.batches: list[list[Append]] = []
        self.entered = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)
        self.errors: list[Exception] = []
        self.together = 0
        self._inside = threading.Lock()

    def append(self, batch: Sequence[Append]) -> list[Verdict]:
        assert self._inside.acquire(blocking=False), "two batches at once"
        try:
            self.batches.append(list(batch))
            self.entered.release()
            assert self.gate.acquire(timeout=120)
            if self.errors:
                raise self.errors.pop(0)
            return [self.verdict(append) for append in batch]
        finally:
            self._inside.release()

    def verdict(self, append: Append) -> Verdict:
        number = int(append.command_id.rpartition("-")[2])
        kinds: list[Verdict] = [
            Committed(number, 0),
            GuardRefused("available:a", number, -1, 0),
            Conflict("s", number, None),
            Failed(f"no {number}"),
        ]
        return kinds[number % 4]

    async def wait_for_batch(self) -> None:
        assert await trio.to_thread.run_sync(self.entered.acquire, True, 30)


class Watched:
    """What the writer told."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.waits: list[float] = []

    def committed(self, *, size: int, seconds: float) -> None:
        assert seconds >= 0
        self.sizes.append(size)

    def commit_waited(self, seconds: float) -> None:
        self.waits.append(seconds)


def command(number: int, *, first: bool = False) -> Append:
    append = opened(f"a-{number}")
    return Append(append.command_id, append.stream, 0, append.events, first=first)


@pytest.fixture
def gated() -> GatedLedger:
    return GatedLedger()


def writer_of(gated: GatedLedger, watch: Watched | None = None, queue_max: int = 5_000) -> GroupCommit:
    return GroupCommit(cast(Ledger, gated), watch=watch, queue_max=queue_max)


async def test_everyone_gets_the_verdict_on_their_own_command(gated: GatedLedger, nursery: trio.Nursery) -> None:
    writer = writer_of(gated)
    nursery.start_soon(writer.run)
    outcomes: dict[int, object] = {}

    async def ask(number: int) -> None:
        try:
            outcomes[number] = await writer.append(command(number))
        except CommandFailed as error:
            outcomes[number] = str(error)

    async with trio.open_nursery() as callers:
        for number in range(40):
            callers.start_soon(ask, number)
        gated.gate.release(40)
    assert outcomes == {
        number: f"no {number}" if number % 4 == 3 else gated.verdict(command(number)) for number in range(40)
    }
    writer.close()


async def test_what_arrives_during_a_commit_is_the_next_batch(gated: GatedLedger, nursery: trio.Nursery) -> None:
    watch = Watched()
    writer = writer_of(gated, watch)
    nursery.start_soon(writer.run)
    async with trio.open_nursery() as callers:
        callers.start_soon(writer.append, command(0))
        await gated.wait_for_batch()
        for number in range(4, 84, 4):
            callers.start_soon(writer.append, command(number))
        await wait_all_tasks_blocked()
        assert [len(batch) for batch in gated.batches] == [1]
        gated.gate.release(2)
    assert watch.sizes == [1, 20]
    assert len(watch.waits) == 21
    writer.close()


async def test_a_batch_is_capped(gated: GatedLedger, nursery: trio.Nursery) -> None:
    writer = writer_of(gated)
    gated.gate.release(3)
    async with trio.open_nursery() as callers:
        for number in range(0, 4 * (2 * BATCH_MAX + 1), 4):
            callers.start_soon(writer.append, command(number))
        await wait_all_tasks_blocked()
        nursery.start_soon(writer.run)
    assert [len(batch) for batch in gated.batches] == [BATCH_MAX, BATCH_MAX, 1]
    order = [append.command_id for batch in gated.batches for append in batch]
    assert sorted(order) == sorted(set(order))
    writer.close()


async def test_a_full_queue_is_refused_at_once_but_has_room_for_settlements(gated: GatedLedger) -> None:
    writer = writer_of(gated, queue_max=3)
    async with trio.open_nursery() as callers:
        for number in range(3):
            callers.start_soon(writer.append, command(number * 4))
        await wait_all_tasks_blocked()
        with pytest.raises(StoreBusy):
            await writer.append(command(12))
        for number in range(4, 7):
            callers.start_soon(writer.append, command(number * 4, first=True))
        await wait_all_tasks_blocked()
        with pytest.raises(StoreBusy):
            await writer.append(command(28, first=True))
        callers.cancel_scope.cancel()
    assert gated.batches == []


async def test_a_caller_that_leaves_while_its_command_is_committed_gets_the_verdict(
    gated: GatedLedger, nursery: trio.Nursery
) -> None:
    writer = writer_of(gated)
    nursery.start_soon(writer.run)
    verdicts: list[object] = []
    with trio.CancelScope() as impatient:

        async def ask() -> None:
            verdicts.append(await writer.append(command(0)))

        async with trio.open_nursery() as callers:
            callers.start_soon(ask)
            await gated.wait_for_batch()
            impatient.cancel()
            await trio.lowlevel.cancel_shielded_checkpoint()
            gated.gate.release()
    assert verdicts == [Committed(0, 0)]
    writer.close()


async def test_a_caller_that_leaves_before_takes_its_command_back(gated: GatedLedger, nursery: trio.Nursery) -> None:
    writer = writer_of(gated)
    with trio.CancelScope() as impatient:
        async with trio.open_nursery() as callers:
            callers.start_soon(writer.append, command(0))
            await wait_all_tasks_blocked()
            impatient.cancel()
    assert impatient.cancelled_caught
    gated.gate.release(2)
    nursery.start_soon(writer.run)
    await writer.append(command(4))
    assert [append.command_id for batch in gated.batches for append in batch] == ["open-a-4"]
    writer.close()


async def test_a_commit_is_not_abandoned_when_the_writer_is_cancelled(gated: GatedLedger) -> None:
    writer = writer_of(gated)
    verdicts: list[object] = []

    async def ask() -> None:
        verdicts.append(await writer.append(command(0)))

    async with trio.open_nursery() as outer:
        outer.start_soon(ask)
        async with trio.open_nursery() as running:
            running.start_soon(writer.run)
            await gated.wait_for_batch()
            running.cancel_scope.cancel()
            gated.gate.release()
    assert verdicts == [Committed(0, 0)]


async def test_an_unreachable_store_is_told_to_all_and_the_writer_goes_on(
    gated: GatedLedger, nursery: trio.Nursery
) -> None:
    writer = writer_of(gated)
    gated.errors = [StoreUnavailable("the disk is full")]
    messages: list[str] = []

    async def ask(number: int) -> None:
        with pytest.raises(StoreUnavailable) as unavailable:
            await writer.append(command(number))
        messages.append(str(unavailable.value))

    gated.gate.release(2)
    async with trio.open_nursery() as callers:
        for number in range(5):
            callers.start_soon(ask, number * 4)
        await wait_all_tasks_blocked()
        nursery.start_soon(writer.run)
    assert messages == ["the disk is full"] * 5
    assert await writer.append(command(8)) == Committed(8, 0)
    writer.close()


async def test_an_error_that_nobody_expected_does_not_end_the_writer(gated: GatedLedger, nursery: trio.Nursery) -> None:
    writer = writer_of(gated)
    gated.errors = [ZeroDivisionError("a bug")]
    gated.gate.release(2)
    nursery.start_soon(writer.run)
    with pytest.raises(StoreUnavailable, match="ZeroDivisionError"):
        await writer.append(command(0))
    assert await writer.append(command(4)) == Committed(4, 0)
    writer.close()


async def test_close_takes_nothing_more_and_drains_what_waits(gated: GatedLedger) -> None:
    writer = writer_of(gated)
    verdicts: list[object] = []

    async def ask(number: int) -> None:
        verdicts.append(await writer.append(command(number)))

    async with trio.open_nursery() as callers:
        callers.start_soon(ask, 0)
        callers.start_soon(ask, 4)
        await wait_all_tasks_blocked()
        writer.close()
        with pytest.raises(StoreBusy):
            await writer.append(command(8))
        gated.gate.release()
        await writer.run()
    assert len(verdicts) == 2
    await writer.run()


async def test_many_tasks_on_a_real_store_never_spend_more_than_there_is(tmp_path: Path, nursery: trio.Nursery) -> None:
    ledger = SQLiteLedger(str(tmp_path / "ledger.db"))
    ledger.migrate()
    fund(ledger, nanos=500)
    watch = Watched()
    writer = GroupCommit(ledger, watch=watch)
    nursery.start_soon(writer.run)
    admissions: list[tuple[Append, Verdict]] = []

    async def ask(number: int) -> None:
        request = admission(f"r{number}", hold_nanos=10)
        admissions.append((request, await writer.append(request)))

    async with trio.open_nursery() as callers:
        for number in range(200):
            callers.start_soon(ask, number)
    holds = [admitted(request, verdict) for request, verdict in admissions if isinstance(verdict, Committed)]
    assert len(holds) == 50
    async with trio.open_nursery() as callers:
        for hold in holds:
            callers.start_soon(writer.append, released(hold))
    writer.close()
    assert max(watch.sizes) > 1
    assert ledger.bucket_values(["available:a", "held:a"]) == {"available:a": 500, "held:a": 0}
    check_log(ledger)
    ledger.close()
