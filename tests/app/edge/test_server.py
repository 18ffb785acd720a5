"""The server's limits, each met over a real socket."""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import Any

import pytest
import trio

from app.edge.limits import ServerLimits
from app.edge.server import ACCEPTED_AT_ONCE, Server, open_sockets
from tests.support.edge.world import GET, Start, everything, refusal, until


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
        assert len(world.scope["realrouter.stream"].intake._data) <= 2 * 65536
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


async def test_100_continue_is_sent_only_when_the_body_is_read(start: Start) -> None:
    world = await start()
    head = b"POST %b HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n"
    async with await world.connect() as client:
        await client.send_all(head % b"/x")
        assert (await until(client, b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        await client.send_all(b"abc")
        assert (await until(client, b"/x:3")).startswith(b"HTTP/1.1 200")
    async with await world.connect() as client:
        await client.send_all(head % b"/refuse")
        assert (await until(client, b"big")).startswith(b"HTTP/1.1 413")


async def test_an_application_that_fails_is_500_and_tells_nothing(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    world = await start()
    answer = await world.ask(GET % b"/fail")
    status, error = refusal(answer)
    assert (status, error["code"]) == (500, "internal_error")
    assert b"hunter2" not in answer
    assert "a request's task failed" in caplog.text


async def test_a_body_shorter_than_promised_never_looks_whole(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    world = await start()
    head, _, body = (await world.ask(GET % b"/short")).partition(b"\r\n\r\n")
    assert b"content-length: 9" in head
    assert body == b"half"


async def test_past_the_limit_idle_connections_make_room_and_then_it_is_503(start: Start) -> None:
    world = await start(connections=2)
    async with await world.connect() as idle, await world.connect() as busy:
        await idle.send_all(GET % b"/a")
        await until(idle, b"/a:0")
        await busy.send_all(GET % b"/wait")
        await until(busy, b"first\r\n")
        async with await world.connect() as third:
            await third.send_all(GET % b"/wait")
            await until(third, b"first\r\n")
            assert await everything(idle) == b""
            async with await world.connect() as fourth:
                status, error = refusal(await everything(fourth))
            assert (status, error["code"]) == (503, "overloaded")
        world.go.set()
        await until(busy, b"last\r\n0\r\n\r\n")


async def test_a_crowd_is_accepted_within_a_few_turns_of_the_event_loop() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await trio.sleep_forever()

    (listening,) = open_sockets(["127.0.0.1:0"])
    listening.setblocking(False)
    server, crowd = Server(app, ServerLimits()), 10 * ACCEPTED_AT_ONCE
    with contextlib.ExitStack() as clients:
        for _ in range(crowd):
            clients.enter_context(socket.create_connection(listening.getsockname()))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.accept, listening, nursery)
            turns = 0
            while len(server.connections) < crowd:
                turns += 1
                assert turns < crowd / 4, f"{len(server.connections)} accepted in {turns} turns"
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()


async def test_running_out_of_descriptors_is_survived(
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    autojump_clock: trio.testing.MockClock,
) -> None:
    accept, failures = trio.SocketListener.accept, [errno.EMFILE, errno.ENFILE]

    async def full(self: trio.SocketListener) -> trio.SocketStream:
        if failures:
            raise OSError(failures.pop(), "too many open files")
        return await accept(self)

    monkeypatch.setattr(trio.SocketListener, "accept", full)
    world = await start()
    assert (await world.ask(GET % b"/a" + b"bad\r\n\r\n")).count(b"/a:0") == 1
    assert caplog.text.count("cannot accept") == 2


async def test_shutdown_closes_idle_connections_and_the_port_at_once(start: Start) -> None:
    world = await start()
    async with await world.connect() as idle:
        await idle.send_all(GET % b"/a")
        await until(idle, b"/a:0")
        world.shutdown.set()
        assert await everything(idle) == b""
    with pytest.raises(OSError, match=r"refused|connect"):
        await world.connect()


async def test_a_stream_that_is_open_at_shutdown_finishes_within_the_grace(start: Start) -> None:
    world = await start(grace_seconds=10)
    async with await world.connect() as client:
        await client.send_all(GET % b"/wait")
        await until(client, b"first\r\n")
        world.shutdown.set()
        await trio.testing.wait_all_tasks_blocked()
        world.go.set()
        assert (await everything(client)).endswith(b"last\r\n0\r\n\r\n")
    assert world.cancelled == 0


async def test_past_the_grace_a_stream_is_cut_and_does_not_look_whole(
    start: Start, autojump_clock: trio.testing.MockClock
) -> None:
    world = await start(grace_seconds=10)
    async with await world.connect() as client:
        await client.send_all(GET % b"/wait")
        await until(client, b"first\r\n")
        world.shutdown.set()
        rest = await everything(client)
    assert world.cancelled == 1
    assert not rest.endswith(b"0\r\n\r\n")
    assert trio.current_time() >= 10


async def test_past_the_grace_a_request_without_an_answer_is_503(
    start: Start, autojump_clock: trio.testing.MockClock
) -> None:
    world = await start(grace_seconds=10)
    async with await world.connect() as client:
        await client.send_all(GET % b"/hang")
        await world.started.wait()
        world.shutdown.set()
        status, error = refusal(await everything(client))
    assert (status, error["code"]) == (503, "shutting_down")


def test_several_processes_may_share_a_port() -> None:
    (first,) = open_sockets(["127.0.0.1:0"], reuse_port=True)
    with first:
        (second,) = open_sockets([f"127.0.0.1:{first.getsockname()[1]}"], reuse_port=True)
        second.close()
        with pytest.raises(OSError, match="in use"):
            open_sockets([f"127.0.0.1:{first.getsockname()[1]}"])


def test_a_taken_port_leaves_no_socket_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        open_sockets(["127.0.0.1:0", f"127.0.0.1:{taken.getsockname()[1]}"])
