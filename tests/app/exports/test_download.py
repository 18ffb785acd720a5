"""Downloads are bounded, and give their places back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trio
import trio.testing

from app.exports.download import READERS_MAX, Downloads
from app.exports.run import Chunk
from app.faults import Overloaded, TooManyExports
from app.ledger.store import StoreUnavailable


def test_an_account_has_so_many_places_and_gets_them_back() -> None:
    downloads = Downloads(account_exports_max=1)
    with downloads.place("a"):
        with pytest.raises(TooManyExports), downloads.place("a"):
            pytest.fail("there was a second place")
        with downloads.place("b"):
            assert downloads.running == 2
    assert downloads.running == 0
    with downloads.place("a"):
        assert downloads.running == 1


def test_the_process_has_so_many_places() -> None:
    downloads = Downloads(exports_max=1)
    with downloads.place("a"), pytest.raises(Overloaded), downloads.place("b"):
        pytest.fail("there was a second place")


async def test_what_is_empty_is_not_sent_and_what_breaks_is_raised() -> None:
    def broken() -> Iterator[Chunk]:
        yield from (Chunk(0, b""), Chunk(1, b"one"), Chunk(2, b""), Chunk(3, b"two"))
        raise StoreUnavailable("gone")

    downloads, made = Downloads(), broken()
    rest = downloads.rest(await downloads.next(made), made)
    assert [await anext(rest), await anext(rest)] == [b"one", b"two"]
    with pytest.raises(StoreUnavailable):
        await anext(rest)


async def test_an_end_is_an_end() -> None:
    downloads = Downloads()
    made = iter([Chunk(0, b"head")])
    assert [part async for part in downloads.rest(await downloads.next(made), made)] == [b"head"]
    assert await downloads.next(made) is None


async def test_one_that_finds_nothing_ends_when_its_client_leaves() -> None:
    read, client = list[int](), trio.CancelScope()

    def nothing() -> Iterator[Chunk]:
        for position in range(10):
            read.append(position)
            if position == 2:
                trio.from_thread.run_sync(client.cancel)
            yield Chunk(position, b"")

    with client:
        await Downloads().next(nothing())
    assert read == [0, 1, 2]


async def test_those_that_find_nothing_give_way_after_every_page() -> None:
    """As many as there are threads; all of them wait for one that has something to say."""
    downloads, told = Downloads(), trio.Event()

    def nothing() -> Iterator[Chunk]:
        for position in range(1_000):
            yield Chunk(position, b"")
            if told.is_set():
                return
        pytest.fail("nobody else was let in")

    async def other() -> None:
        assert await downloads.next(iter([Chunk(0, b"row")])) == b"row"
        told.set()

    async with trio.open_nursery() as nursery:
        for _ in range(READERS_MAX):
            nursery.start_soon(downloads.next, nothing())
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(other)
