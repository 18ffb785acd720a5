"""Waits for a read model to catch up with the ledger, so that clients see their own latest changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

FRESH_SECONDS = 2.0
"""After this time, the answer is sent as it is. It states its position."""
FRESH_LOOK_SECONDS = 0.01


async def freshen(head: int, seen: Callable[[], Awaitable[int]], poke: Callable[[], None]) -> None:
    """Wait until `seen` returns `head`, for at most FRESH_SECONDS. `poke` wakes the runner that updates the read model."""
    with trio.move_on_after(FRESH_SECONDS):
        while await seen() < head:
            poke()
            await trio.sleep(FRESH_LOOK_SECONDS)
