"""One connection's time limits and its end, over a real socket."""

from __future__ import annotations

import contextlib

import pytest
import trio

from tests.support.edge.world import GET, Start, everything, refusal, until


async def test_a_client_that_runs_far_ahead_is_read_no_further_and_loses_nothing(start: Start) -> None:
    world = await start(head_bytes=2048)
    count = 2_000
    async with await world.connect() as client, trio.open_nursery() as nursery:
        nursery.start_soon(client.send_all, b"".join(GET % b"/n" for _ in range(count)))
        got = b""
        while got.count(b"/n:0") < count:
            got += await client.receive_some()
    assert world.requests == count


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


@pytest.mark.parametrize(("limits", "seconds"), [({}, 650), ({"idle_seconds": 75}, 75)])
async def test_an_idle_connection_is_closed(
    start: Start, autojump_clock: trio.testing.MockClock, limits: dict[str, float], seconds: int
) -> None:
    world = await start(**limits)
    async with await world.connect() as client:
        await client.send_all(GET % b"/a")
        await until(client, b"/a:0")
        begun = trio.current_time()
        assert await everything(client) == b""
        assert seconds <= trio.current_time() - begun < seconds + 1


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
        with trio.fail_after(30):
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


async def test_a_body_that_nobody_reads_is_not_buffered(start: Start) -> None:
    world = await start()
    sent = 0

    async def upload() -> None:
        nonlocal sent
        await client.send_all(b"POST /hang HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n" % size)
        while sent < size:
            await client.send_all(b"x" * 65536)
            sent += 65536

    size = 64 * 1024 * 1024
    async with await world.connect() as client, trio.open_nursery() as nursery:
        nursery.start_soon(upload)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert len(world.scope["realrouter.exchange"].intake._data) <= 2 * 65536
        assert sent < size
        nursery.cancel_scope.cancel()


async def test_a_refused_upload_reads_its_refusal(start: Start) -> None:
    world = await start()
    async with await world.connect() as client, trio.open_nursery() as nursery:

        async def upload() -> None:
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await client.send_all(b"POST /refuse HTTP/1.1\r\nhost: h\r\ncontent-length: 999999999\r\n\r\n")
                await client.send_all(b"x" * 2_000_000)

        nursery.start_soon(upload)
        answer = await until(client, b"big")
        assert b"connection: close" in answer
        assert await client.receive_some() == b""


async def test_an_application_that_fails_is_500_and_tells_nothing(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    world = await start()
    answer = await world.ask(GET % b"/fail")
    status, error = refusal(answer)
    assert (status, error["code"]) == (500, "internal_error")
    assert b"hunter2" not in answer
    assert "a request's task failed" in caplog.text
