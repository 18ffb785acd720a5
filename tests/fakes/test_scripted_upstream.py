"""What tests and harnesses rely on when they read the times that the fake recorded."""

from __future__ import annotations

import contextlib
import socket

import trio

from tests.fakes.scripted_upstream import serve

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
