"""Freed memory goes back to the system.

The C library keeps what was freed below the top of its heap: a process that has met a few large requests would keep their
memory for good. glibc gives it back when asked to (malloc_trim(3)), which takes milliseconds: so that is done now and then, in a
thread, and only after large bodies.
"""

from __future__ import annotations

import contextlib
import ctypes

import trio

from app.edge.body import BodyBudget

TRIM_SECONDS = 2.0
LARGE_BYTES = 16 * 1024 * 1024
"""Bodies held at one time, from which on asking is worth it."""


class Trimmer:
    """Asks the C library for what large bodies have left behind, once they are gone."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget

    async def turn(self) -> None:
        if self._budget.most_bytes < LARGE_BYTES or self._budget.held_bytes >= LARGE_BYTES:
            return
        self._budget.most_bytes = self._budget.held_bytes
        await trio.to_thread.run_sync(give_back_freed_memory)


def give_back_freed_memory() -> None:
    """Without effect where the C library is not glibc."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
