"""A request's body between the socket and the application.

Rule 1: the task that fills it checks `blocked` and stops reading the socket until `room()` returns: no more is buffered.
Rule 2: an event is created only to wait on it; a small body that arrives with its head needs none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio


class Intake:
    """Carries bytes from one task to another. After `fail(error)` the reader gets `error` once the buffer is empty."""

    __slots__ = (
        "_arrived",
        "_bound",
        "_coming",
        "_data",
        "_pushed",
        "_taken",
        "_wanted",
        "_window",
        "complete",
        "error",
    )

    def __init__(self, window_bytes: int, wanted: Callable[[], Awaitable[None]] | None = None) -> None:
        self._data = bytearray()
        self._window = window_bytes
        self._wanted = wanted
        self._bound: tuple[int, Exception] | None = None
        self._pushed = 0
        self._coming = 0
        self._arrived: trio.Event | None = None
        self._taken: trio.Event | None = None
        self.complete = False
        self.error: Exception | None = None

    @property
    def blocked(self) -> bool:
        """The window is full and the body is not complete."""
        return len(self._data) >= self._window and not self.complete

    def push(self, data: bytes | bytearray) -> None:
        if self.error is None:
            self._pushed += len(data)
            self._data += data
            self._announce()

    def expect(self, coming: int) -> None:
        """The client has promised `coming` further bytes, at least."""
        self._coming = coming
        self._check()

    def limit(self, most: int, error: Exception) -> None:
        """Fail with `error` as soon as the client promises more than `most` bytes in total, whether or not they ever arrive."""
        self._bound = most, error
        self._check()

    def _check(self) -> None:
        if self._bound is not None and self._pushed + self._coming > self._bound[0]:
            self.fail(self._bound[1])

    def finish(self) -> None:
        self.complete = True
        self._announce()

    def fail(self, error: Exception) -> None:
        if not self.complete:
            self.error = error
            self.finish()
        self._make_room()

    async def room(self) -> None:
        """Return when the reader has taken something, or will take no more."""
        if self.blocked:
            self._taken = trio.Event()
            await self._taken.wait()

    def abandon(self) -> None:
        """The reader is done: drop the buffered bytes."""
        self._data.clear()
        self._make_room()

    async def take(self) -> bytes:
        """The bytes that have arrived, at least one; b"" at the end. Raises the error given to `fail`."""
        if not self._data and not self.complete:
            if self._wanted is not None:
                await self._wanted()
            while not self._data and not self.complete:
                self._arrived = trio.Event()
                await self._arrived.wait()
        if not self._data and self.error is not None:
            raise self.error
        data = bytes(self._data)
        self._data.clear()
        self._make_room()
        return data

    def _announce(self) -> None:
        if self._arrived is not None:
            self._arrived.set()
            self._arrived = None

    def _make_room(self) -> None:
        if self._taken is not None:
            self._taken.set()
            self._taken = None
