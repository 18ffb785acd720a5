"""Waiting for a read model to have seen what the ledger holds now: what somebody has just done is in what they look at next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

FRESH_SECONDS = 2.0
"""Past this an answer is given as the read model stands; it says at which position that is."""
FRESH_LOOK_SECONDS = 0.01


async def freshen(head: int, seen: Callable[[], Awaitable[int]], poke: Callable[[], None]) -> None:
    """Wait until `seen`, a position, is at `head`; for a while at most. `poke` wakes whoever moves it."""
    with trio.move_on_after(FRESH_SECONDS):
        while await seen() < head:
            poke()
            await trio.sleep(FRESH_LOOK_SECONDS)
