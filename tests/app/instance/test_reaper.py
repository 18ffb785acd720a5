"""What a dead process left open is released once, by whoever comes first, and what lives is left alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from app.instance.lease import Lease
from app.instance.reaper import Reaper
from app.ledger.codec import Codec
from app.ledger.group_commit import GroupCommit
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import Append, Committed
from domain import buckets
from domain.events import RequestAdmitted, RequestReleased, request_stream
from tests.support.gateway.gateway import ACCOUNT, CREDIT_NANOS, open_account
from tests.support.ledger.books import check_books
from tests.support.ledger.faulty_ledger import FaultyLedger, settlements

DEAD, ALIVE = "inst_dead", "inst_alive"
FAR = 2**62


@asynccontextmanager
async def process(ledger: SQLiteLedger | FaultyLedger) -> AsyncIterator[Reaper]:
    """A reaper with a writer and a lease of its own."""
    codec = Codec()
    async with trio.open_nursery() as nursery:
        writer = GroupCommit(ledger)
        nursery.start_soon(writer.run)
        lease = Lease(ledger, lease_seconds=60)
        await nursery.start(lease.run)
        yield Reaper(ledger, writer, codec, lease)
        nursery.cancel_scope.cancel()


@pytest.fixture
def ledger(tmp_path: Path) -> SQLiteLedger:
    ledger = SQLiteLedger(str(tmp_path / "ledger.db"))
    ledger.migrate()
    open_account(ledger, Codec(), ACCOUNT, CREDIT_NANOS)
    ledger.renew_lease(ALIVE, 600)
    ledger.renew_lease(DEAD, 600)
    ledger.end_lease(DEAD)
    return ledger


def admit(ledger: SQLiteLedger, request_id: str, instance_id: str, *, deadline_at_micros: int = FAR) -> None:
    admitted = RequestAdmitted(
        request_id=request_id,
        account_id=ACCOUNT,
        key_id="key_1",
        model="m",
        endpoint="responses",
        price_version=1,
        hold_nanos=1000,
        reserved_tokens=10,
        instance_id=instance_id,
        deadline_at_micros=deadline_at_micros,
    )
    [verdict] = ledger.append([Append(f"admit_{request_id}", request_stream(request_id), 0, (admitted,))])
    assert isinstance(verdict, Committed)


def held(ledger: SQLiteLedger) -> int:
    return ledger.bucket_values([buckets.held(ACCOUNT)])[buckets.held(ACCOUNT)]


async def test_what_a_dead_instance_left_is_released_when_it_was_seen_twice(ledger: SQLiteLedger) -> None:
    for number in range(3):
        admit(ledger, f"req_{number}", DEAD)
    assert held(ledger) == 3000
    async with process(ledger) as reaper:
        assert await reaper.sweep() == 0
        assert held(ledger) == 3000
        assert await reaper.sweep() == 3
        assert await reaper.sweep() == 0
    released = check_books(ledger, Codec())
    assert [event.reason for event in released if isinstance(event, RequestReleased)] == ["orphaned"] * 3


async def test_what_a_living_instance_runs_is_left_alone(ledger: SQLiteLedger) -> None:
    admit(ledger, "req_1", ALIVE)
    async with process(ledger) as reaper:
        for _ in range(3):
            assert await reaper.sweep() == 0
    assert len(ledger.open_requests()) == 1


async def test_a_request_far_past_its_deadline_is_released_wherever_it_runs(ledger: SQLiteLedger) -> None:
    now = ledger.now_micros()
    admit(ledger, "req_late", ALIVE, deadline_at_micros=now - 61_000_000)
    admit(ledger, "req_just", ALIVE, deadline_at_micros=now - 1_000_000)
    async with process(ledger) as reaper:
        await reaper.sweep()
        assert await reaper.sweep() == 1
    assert [open_request.request_id for open_request in ledger.open_requests()] == ["req_just"]


async def test_a_lease_that_is_over_for_less_than_the_margin_is_respected(ledger: SQLiteLedger) -> None:
    ledger.renew_lease("inst_late", -5)
    ledger.renew_lease("inst_gone", -11)
    admit(ledger, "req_late", "inst_late")
    admit(ledger, "req_gone", "inst_gone")
    async with process(ledger) as reaper:
        await reaper.sweep()
        assert await reaper.sweep() == 1
    assert [open_request.request_id for open_request in ledger.open_requests()] == ["req_late"]


async def test_reapers_of_several_processes_release_each_orphan_once(ledger: SQLiteLedger) -> None:
    for number in range(20):
        admit(ledger, f"req_{number}", DEAD)
    async with process(ledger) as one, process(ledger) as other:
        await one.sweep()
        await other.sweep()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.sweep)
            nursery.start_soon(other.sweep)
    assert len(check_books(ledger, Codec())) == 20


async def test_an_orphan_that_the_store_does_not_take_is_released_at_a_later_turn(ledger: SQLiteLedger) -> None:
    admit(ledger, "req_1", DEAD)
    faulty = FaultyLedger(ledger)
    async with process(faulty) as reaper:
        await reaper.sweep()
        faulty.down_for(settlements)
        assert await reaper.sweep() == 0
        faulty.up()
        assert await reaper.sweep() == 1
    assert len(check_books(ledger, Codec())) == 1


async def test_a_process_without_a_good_lease_judges_nobody(ledger: SQLiteLedger) -> None:
    admit(ledger, "req_1", DEAD)
    async with process(ledger) as reaper:
        reaper._lease._good_until = float("-inf")
        await reaper.sweep()
        assert await reaper.sweep() == 0
    assert len(ledger.open_requests()) == 1


async def test_windows_of_long_ago_are_forgotten_and_new_ones_kept(
    ledger: SQLiteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    admit(ledger, "req_1", ALIVE)
    now = ledger.now_micros()

    def windows() -> int:
        return sum(name.startswith(("requests:", "tokens:")) for name, _ in ledger.buckets())

    async with process(ledger) as reaper:
        await reaper.prune()
        assert windows() == 2
        monkeypatch.setattr(ledger, "now_micros", lambda: now + 3 * buckets.MICROS_PER_DAY)
        await reaper.prune()
        assert windows() == 0
    assert held(ledger) == 1000
