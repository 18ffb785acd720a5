"""Exports for clients: one page at a time, in worker threads, and a limited number at once.

Rule 1: a request is refused before the answer starts. A later failure breaks off the answer, so an incomplete one never looks
complete.
Rule 2: a slow client holds one page in memory and no transaction. If the client leaves, reading stops after the current page.
Rule 3: exports are limited per account and per process. After each page, even one that yields no rows, an export lets waiting
exports continue, so one customer's long scan does not delay the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import trio

from app.exports.run import Chunk
from app.faults import Overloaded, TooManyExports

EXPORTS_MAX = 8
ACCOUNT_EXPORTS_MAX = 2
READERS_MAX = 2
"""Threads that read and encode at once, separate from those of other requests."""
T = TypeVar("T")


class Downloads:
    """The exports that this process is currently sending."""

    def __init__(self, *, exports_max: int = EXPORTS_MAX, account_exports_max: int = ACCOUNT_EXPORTS_MAX) -> None:
        self._exports_max, self._account_exports_max = exports_max, account_exports_max
        self._running: Counter[str] = Counter()
        self._reading = trio.CapacityLimiter(READERS_MAX)

    @property
    def running(self) -> int:
        return self._running.total()

    @contextmanager
    def place(self, account_id: str) -> Iterator[None]:
        """Raises TooManyExports, Overloaded."""
        if self._running[account_id] >= self._account_exports_max:
            raise TooManyExports(self._account_exports_max)
        if self.running >= self._exports_max:
            raise Overloaded(per_key=False)
        self._running[account_id] += 1
        try:
            yield
        finally:
            self._running[account_id] -= 1
            self._running += Counter()  # drops entries at zero

    async def in_thread(self, function: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(function, limiter=self._reading)

    async def next(self, chunks: Iterator[Chunk]) -> bytes | None:
        """The next bytes that are not empty; None at the end."""
        while (chunk := await self.in_thread(lambda: next(chunks, None))) is not None:
            if chunk.data:
                return chunk.data
        return None

    async def rest(self, first: bytes | None, chunks: Iterator[Chunk]) -> AsyncIterator[bytes]:
        while first is not None:
            yield first
            first = await self.next(chunks)
