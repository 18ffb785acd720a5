"""The recorded times, on which tests and harnesses rely."""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass

import trio
import trio.testing

from tests.fakes.scripted_upstream import serve
from tests.fakes.upstream_script import Peer

CROWD = 100
TURNS_MAX = 5
"""To wake who accepts, to accept, to start a task for each."""


async def test_a_crowd_is_accepted_at_once_however_long_the_turns_of_the_event_loop_are() -> None:
    async with serve(lambda request: []) as upstream:
        with contextlib.ExitStack() as clients:
            for _ in range(CROWD):
                clients.enter_context(socket.create_connection(("127.0.0.1", upstream.port)))
            for _ in range(TURNS_MAX):
                await trio.lowlevel.checkpoint()
            assert upstream.open_connections == CROWD


@dataclass
class Flood:
    """A step that sends until the peer accepts no more, and then continues."""

    task: trio.lowlevel.Task | None = None

    async def run(self, peer: Peer) -> None:
        self.task = trio.lowlevel.current_task()
        while True:
            await peer.send(b"x" * 65_536)


class ResetBeforeTurn(trio.abc.Instrument):
    """Resets `client` when `task` has been woken and is about to run. Other tasks that wait for the socket are not woken yet."""

    def __init__(self, task: trio.lowlevel.Task | None, client: socket.socket) -> None:
        self._task = task
        self._client = client

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if task is self._task and self._client.fileno() != -1:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._client.close()


async def test_a_reset_that_the_script_meets_before_the_reader_is_recorded() -> None:
    flood = Flood()
    async with serve(lambda request: [flood]) as upstream:
        with socket.create_connection(("127.0.0.1", upstream.port)) as client:
            client.sendall(b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
            await upstream.wait_until(lambda fake: bool(fake.requests))
            await trio.testing.wait_all_tasks_blocked()
            trio.lowlevel.add_instrument(ResetBeforeTurn(flood.task, client))
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while client.recv(1_048_576):
                    pass
            await upstream.wait_until(lambda fake: not fake.open_connections)
    assert upstream.connections[0].closed_at is not None
    assert upstream.connections[0].reset
