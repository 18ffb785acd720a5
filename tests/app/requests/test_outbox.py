"""The bytes between the task that reads the upstream and the task that sends to the client."""

from __future__ import annotations

import trio
from trio.testing import wait_all_tasks_blocked

from app.requests.outbox import OUTBOX_BYTES_MAX, Outbox


def state_of(outbox: Outbox) -> tuple[bool, bool, bool]:
    """Ready, full, drained."""
    return outbox.ready, outbox.full, outbox.drained


async def test_what_was_put_is_taken_joined_and_in_order() -> None:
    outbox = Outbox()
    assert state_of(outbox) == (False, False, False)
    outbox.put(b"a")
    outbox.put(b"b")
    assert state_of(outbox) == (True, False, False)
    assert await outbox.take() == b"ab"
    assert state_of(outbox) == (False, False, False)


async def test_the_end_comes_after_what_is_there() -> None:
    outbox = Outbox()
    outbox.put(b"last")
    outbox.end()
    assert state_of(outbox) == (True, False, False)
    assert await outbox.take() == b"last"
    assert state_of(outbox) == (True, False, True)
    assert await outbox.take() == b""


async def test_the_taking_side_waits_for_something() -> None:
    outbox = Outbox()
    taken: list[bytes] = []

    async def take() -> None:
        taken.append(await outbox.take())
        taken.append(await outbox.take())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        await wait_all_tasks_blocked()
        outbox.put(b"one")
        await wait_all_tasks_blocked()
        assert taken == [b"one"]
        outbox.end()
    assert taken == [b"one", b""]


async def test_a_full_outbox_holds_the_putting_side_until_it_is_taken() -> None:
    outbox = Outbox()
    outbox.put(b"x" * OUTBOX_BYTES_MAX)
    assert state_of(outbox) == (True, False, False)
    await outbox.space()
    outbox.put(b"y")
    assert state_of(outbox) == (True, True, False)
    passed: list[str] = []

    async def put_more() -> None:
        await outbox.space()
        passed.append("space")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(put_more)
        await wait_all_tasks_blocked()
        assert passed == []
        assert len(await outbox.take()) == OUTBOX_BYTES_MAX + 1
    assert passed == ["space"]


async def test_a_reader_that_was_cancelled_loses_nothing() -> None:
    outbox = Outbox()
    with trio.CancelScope() as scope:
        scope.cancel()
        await outbox.take()
    outbox.put(b"kept")
    assert await outbox.take() == b"kept"


async def test_it_is_open_from_the_first_bytes_or_from_the_end() -> None:
    outbox, empty = Outbox(), Outbox()
    outbox.put(b"")
    assert (outbox.opened.is_set(), outbox.ready) == (False, False)
    outbox.put(b"first")
    assert (outbox.opened.is_set(), outbox.ended) == (True, False)
    empty.end()
    assert (empty.opened.is_set(), empty.ended) == (True, True)
