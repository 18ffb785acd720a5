"""Connections over a real socket: slow ones, idle ones, and clients that leave."""

from __future__ import annotations

import pytest
import trio

from tests.support.edge.world import GET, Start, everything, refusal, until


async def test_a_slow_head_is_408(start: Start, autojump_clock: trio.testing.MockClock) -> None:
    world = await start(head_seconds=20)
    async with await world.connect() as client:
        await client.send_all(b"GET / HTTP/1.1\r\nhost:")
        begun = trio.current_time()
        status, error = refusal(await everything(client))
        assert (status, error["code"]) == (408, "request_timeout")
        assert 20 <= trio.current_time() - begun < 24


async def test_a_connection_that_says_nothing_is_closed_without_a_word(
    start: Start, autojump_clock: trio.testing.MockClock
) -> None:
    world = await start(head_seconds=20)
    async with await world.connect() as client:
        assert await everything(client) == b""
        assert trio.current_time() >= 20


async def test_an_idle_connection_is_closed(start: Start, autojump_clock: trio.testing.MockClock) -> None:
    world = await start(idle_seconds=75)
    async with await world.connect() as client:
        await client.send_all(GET % b"/a")
        await until(client, b"/a:0")
        begun = trio.current_time()
        assert await everything(client) == b""
        assert trio.current_time() - begun >= 75


async def test_a_client_that_leaves_cancels_its_request(start: Start) -> None:
    world = await start()
    client = await world.connect()
    await client.send_all(GET % b"/hang")
    await world.started.wait()
    await client.aclose()
    await world.ended.wait()
    assert world.cancelled == 1


async def test_a_half_closed_client_counts_as_gone(start: Start) -> None:
    world = await start()
    async with await world.connect() as client:
        await client.send_all(GET % b"/hang")
        await world.started.wait()
        await client.send_eof()
        await world.ended.wait()
        assert world.cancelled == 1


async def test_a_client_that_leaves_is_noticed_even_with_a_request_ahead(start: Start) -> None:
    world = await start()
    client = await world.connect()
    await client.send_all(GET % b"/hang" + GET % b"/next")
    await world.started.wait()
    await client.aclose()
    await world.ended.wait()
    assert (world.cancelled, world.requests) == (1, 1)


@pytest.mark.parametrize("half", [True, False])
async def test_a_client_that_leaves_is_noticed_even_with_more_ahead_than_is_read(start: Start, half: bool) -> None:
    world = await start(head_bytes=2048)
    async with await world.connect() as client:
        await client.send_all(GET % b"/hang" + GET % b"/next" * 2_000)
        await world.started.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert not world.cancelled
        await (client.send_eof() if half else client.aclose())
        with trio.fail_after(120):
            await world.ended.wait()
        assert (world.cancelled, world.requests) == (1, 1)


async def test_a_client_that_stops_reading_is_cut_off(start: Start, autojump_clock: trio.testing.MockClock) -> None:
    world = await start(send_stall_seconds=5)
    async with await world.connect() as client:
        await client.send_all(GET % b"/flood")
        await world.ended.wait()
        assert world.cancelled == 1
        assert trio.current_time() >= 5
        with pytest.raises(trio.BrokenResourceError):  # a reset, not a quiet end
            await until(client, b"never")
