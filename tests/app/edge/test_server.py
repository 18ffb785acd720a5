"""How many connections a server takes, and how it shuts down, over real sockets."""

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
