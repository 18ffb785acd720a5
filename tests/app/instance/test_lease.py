"""A process's places, its lease and its end."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from app.faults import Overloaded, ShuttingDown
from app.instance.lease import Lease, Slots
from app.ledger.store import Ledger, StoreUnavailable
from tests.fakes.scripted_upstream import Stall, serve
from tests.support.gateway.gateway import envelope, responses, running


class Leases:
    """The two calls of a ledger that a lease makes. Each renewal is announced to the test."""

    def __init__(self) -> None:
        self.down = False
        self.renewed = 0
        self.ended: list[str] = []
        self.called = trio.Event()
        self.hangs = threading.Event()
        self.hangs.set()

    def renew_lease(self, instance_id: str, seconds: float) -> None:
        trio.from_thread.run_sync(self._announce)
        assert self.hangs.wait(120), "the test let go"
        if self.down:
            raise StoreUnavailable("down")
        self.renewed += 1

    def end_lease(self, instance_id: str) -> None:
        if self.down:
            raise StoreUnavailable("down")
        self.ended.append(instance_id)

    def _announce(self) -> None:
        self.called.set()


class Running:
    """A completion that can be stopped, and ends when it is."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self.reasons: list[str] = []
        self.ended = trio.Event()
        self._stubborn = stubborn

    def stop(self, reason: str) -> None:
        self.reasons.append(reason)
        if not self._stubborn:
            self.ended.set()


@asynccontextmanager
async def alive(leases: Leases, *, lease_seconds: float = 15) -> AsyncIterator[Lease]:
    lease = Lease(cast(Ledger, leases), lease_seconds=lease_seconds)
    async with trio.open_nursery() as nursery:
        await nursery.start(lease.run)
        yield lease
        nursery.cancel_scope.cancel()


def task_of(lease: Lease, running: Running) -> Callable[[], Awaitable[None]]:
    async def task() -> None:
        with lease.registered(running):
            await running.ended.wait()

    return task


async def pass_time(clock: MockClock, leases: Leases, seconds: float) -> None:
    """Let one turn of the lease's keeper come and go."""
    leases.called = trio.Event()
    await wait_all_tasks_blocked()
    clock.jump(seconds)
    await leases.called.wait()
    await wait_all_tasks_blocked(0.01)


# -- Places -----------------------------------------------------------------------------------------------------------


def test_places_are_bounded_per_key_and_in_all_and_come_back_once() -> None:
    slots = Slots(process_max=3, key_max=2)
    first, second = slots.take("a"), slots.take("a")
    with pytest.raises(Overloaded) as refused:
        slots.take("a")
    assert refused.value.per_key
    slots.take("b")
    with pytest.raises(Overloaded) as refused:
        slots.take("c")
    assert not refused.value.per_key
    first.give_back()
    first.give_back()
    assert slots.running == 2
    slots.take("a")
    second.give_back()
    assert slots.running == 2


def test_a_key_that_has_no_request_open_takes_no_memory() -> None:
    slots = Slots(process_max=3, key_max=2)
    slots.take("a").give_back()
    assert slots._by_key == {}


# -- The lease --------------------------------------------------------------------------------------------------------


async def test_the_lease_is_renewed_well_before_it_is_over(mock_clock: MockClock) -> None:
    leases = Leases()
    async with alive(leases) as lease:
        for _ in range(8):
            await pass_time(mock_clock, leases, 3.75)
            assert lease.good
            lease.check()
        assert leases.renewed == 9


async def test_a_process_that_cannot_renew_stops_its_streams_before_its_lease_is_over(mock_clock: MockClock) -> None:
    leases = Leases()
    async with alive(leases) as lease:
        completion = Running()
        lease.start(task_of(lease, completion))
        leases.down = True
        stopped_at = None
        for _ in range(4):
            await pass_time(mock_clock, leases, 3.75)
            if completion.reasons and stopped_at is None:
                stopped_at = trio.current_time()
        assert completion.reasons[0] == "lease_lost"
        assert stopped_at is not None
        assert stopped_at < 15
        mock_clock.jump(0.1)
        with pytest.raises(StoreUnavailable):
            lease.check()
        leases.down = False
        await pass_time(mock_clock, leases, 3.75)
        lease.check()


async def test_a_process_whose_first_lease_fails_does_not_start() -> None:
    leases = Leases()
    leases.down = True
    with pytest.raises(BaseExceptionGroup) as failed:
        async with alive(leases):
            raise AssertionError("it started")
    assert failed.group_contains(StoreUnavailable)


async def test_before_it_runs_nothing_may_begin() -> None:
    with pytest.raises(ShuttingDown):
        Lease(cast(Ledger, Leases()), lease_seconds=15).check()


async def test_a_lost_lease_ends_open_streams_and_refuses_new_ones(tmp_path: Path) -> None:
    async with (
        serve(lambda request: [Stall()]) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}) as gateway,
    ):
        client = await gateway.connect()
        await client.send(gateway.request_bytes("responses", responses(), extra="connection: close\r\n"))
        await upstream.wait_until(lambda upstream: len(upstream.requests) == 1)
        lease = gateway.services.instance.lease
        lease._good_until = float("-inf")
        lease.stop_all("lease_lost")
        assert b"503" in (await client.read_to_end())[:20]
        envelope(await gateway.post("responses", responses()), 503, "store_unavailable")
        assert (await gateway.http.get(f"{gateway.origin}/readyz")).status_code == 503
        await gateway.only_release("lease_lost")


# -- The end ----------------------------------------------------------------------------------------------------------


async def test_draining_waits_for_what_runs_and_takes_nothing_new(mock_clock: MockClock) -> None:
    async with alive(Leases()) as lease:
        completion = Running()
        lease.start(task_of(lease, completion))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lease.drain, 3, 1)
            await wait_all_tasks_blocked()
            with pytest.raises(ShuttingDown):
                lease.check()
            completion.ended.set()
        assert completion.reasons == []
        assert trio.current_time() == 0


async def test_draining_stops_what_outlives_the_grace_period_and_is_not_held_up_by_it(mock_clock: MockClock) -> None:
    async with alive(Leases()) as lease:
        willing, stubborn = Running(), Running(stubborn=True)
        for completion in (willing, stubborn):
            lease.start(task_of(lease, completion))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lease.drain, 2, 1)
            await wait_all_tasks_blocked()
            mock_clock.jump(2)
            await wait_all_tasks_blocked()
            assert willing.reasons == stubborn.reasons == ["shutdown"]
            assert lease.running == 1
            mock_clock.jump(1)


async def test_a_store_that_does_not_answer_stops_the_streams_in_time_as_well(mock_clock: MockClock) -> None:
    leases = Leases()
    async with alive(leases) as lease:
        completion = Running()
        lease.start(task_of(lease, completion))
        leases.hangs.clear()
        while not completion.reasons:
            await wait_all_tasks_blocked(0.01)
            mock_clock.jump(3.75)
            await wait_all_tasks_blocked(0.01)
        leases.hangs.set()
        assert completion.reasons[0] == "lease_lost"
        assert trio.current_time() < 15


async def test_a_task_that_fails_takes_no_other_with_it() -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    leases = Leases()
    async with alive(leases) as lease:
        completion = Running()
        lease.start(task_of(lease, completion))
        lease.start(fails)
        await wait_all_tasks_blocked()
        assert lease.running == 1
        completion.ended.set()


async def test_the_lease_ends_with_the_process_even_where_the_store_is_gone() -> None:
    leases = Leases()
    async with alive(leases) as lease:
        await lease.end()
        assert leases.ended == [lease.instance_id]
        leases.down = True
        await lease.end()
