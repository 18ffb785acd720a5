"""The bytes of one answer between the task that reads the upstream and the task that sends to the client.

Rule 1: one task puts whole frames. The other takes all waiting frames, joined. Either may stop at any time.
Rule 2: it holds at most OUTBOX_BYTES_MAX plus one read. Once it is full, the putting task waits, so that backpressure reaches the
upstream.
"""

from __future__ import annotations

import trio

OUTBOX_BYTES_MAX = 256 * 1024


class Outbox:
    """A bounded channel of bytes with one reader and one writer."""

    __slots__ = ("_bytes", "_chunks", "_ended", "_readable", "_writable", "opened")

    def __init__(self) -> None:
        self.opened = trio.Event()
        """Set with the first frames, or at the end if there are none."""
        self._chunks: list[bytes] = []
        self._bytes = 0
        self._ended = False
        self._readable: trio.Event | None = None
        self._writable: trio.Event | None = None

    @property
    def full(self) -> bool:
        return self._bytes > OUTBOX_BYTES_MAX

    @property
    def ready(self) -> bool:
        """Whether `take` would return at once."""
        return bool(self._chunks) or self._ended

    @property
    def ended(self) -> bool:
        return self._ended

    @property
    def drained(self) -> bool:
        """Whether it has ended, and everything was taken."""
        return self._ended and not self._chunks

    def put(self, data: bytes) -> None:
        """Add frames, or b"", which adds nothing. If it is full, the caller waits for `space` first."""
        if not data:
            return
        self._chunks.append(data)
        self._bytes += len(data)
        if self._readable is not None:
            self._readable.set()
        if not self.opened.is_set():
            self.opened.set()

    async def space(self) -> None:
        """Wait until it is no longer full."""
        while self.full:
            self._writable = trio.Event()
            await self._writable.wait()

    def end(self) -> None:
        """Nothing more will be put."""
        self._ended = True
        self.opened.set()
        if self._readable is not None:
            self._readable.set()

    async def take(self) -> bytes:
        """Wait until there are bytes, and return all of them; b"" at the end."""
        while not self._chunks:
            if self._ended:
                return b""
            self._readable = trio.Event()
            await self._readable.wait()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._bytes = 0
        if self._writable is not None:
            self._writable.set()
        return data
