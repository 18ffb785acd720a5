"""The bytes of a connection: one task feeds them, another takes whole requests from them and waits for missing parts."""

from __future__ import annotations

import trio

from tests.fakes.upstream_script import Request


class ReceivedBytes:
    """Heads, and bodies with a length or in chunks."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._arrived = trio.Event()

    def feed(self, data: bytes | bytearray) -> None:
        self._buffer += data
        self._arrived.set()
        self._arrived = trio.Event()

    async def take_head(self) -> bytes:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            await self._arrived.wait()
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        return head

    async def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._arrived.wait()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    async def take_body(self, request: Request) -> bytes:
        if request.header("transfer-encoding") == "chunked":
            return await self._take_chunked()
        return await self._take(int(request.header("content-length") or 0))

    async def _take_chunked(self) -> bytes:
        body = bytearray()
        while True:
            while (end := self._buffer.find(b"\r\n")) < 0:
                await self._arrived.wait()
            size = int(await self._take(end), 16)
            await self._take(2)
            body += await self._take(size)
            await self._take(2)
            if not size:
                return bytes(body)


def parse_head(head: bytes) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        headers.append((name, value.strip()))
    return method, path, tuple(headers)
