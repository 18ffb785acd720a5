"""Returns freed memory to the operating system.

The C library keeps memory that was freed below the top of its heap, so a process that has served a few large requests would keep
their memory for good. glibc returns it on request (malloc_trim(3)), which takes milliseconds: it is done in a thread, occasionally,
and only after large bodies.
"""

from __future__ import annotations

import contextlib
import ctypes

import trio

from app.edge.body import BodyBudget

TRIM_SECONDS = 2.0
LARGE_BYTES = 16 * 1024 * 1024
"""Trimming is worthwhile once bodies of this total size were in memory at the same time."""


class Trimmer:
    """Makes the C library return the memory of large bodies after they are freed."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget

    async def turn(self) -> None:
        if self._budget.most_bytes < LARGE_BYTES or self._budget.held_bytes >= LARGE_BYTES:
            return
        self._budget.most_bytes = self._budget.held_bytes
        await trio.to_thread.run_sync(give_back_freed_memory)


def give_back_freed_memory() -> None:
    """No effect if the C library is not glibc."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
