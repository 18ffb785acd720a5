"""A client that speaks bytes over a socket, and leaves when and how the test says."""

from __future__ import annotations

import json
import struct
from typing import Any

import httpx
import trio


class RawClient:
    """One connection. What was received and not asked for yet is kept."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._buffer = b""

    @classmethod
    async def connect(cls, port: int, *, receive_buffer: int | None = None) -> RawClient:
        sock = trio.socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, receive_buffer)
        try:
            await sock.connect(("127.0.0.1", port))
        except BaseException:
            sock.close()
            raise
        return cls(trio.SocketStream(sock))

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def read_until(self, marker: bytes) -> bytes:
        """Everything up to and with `marker`; the rest is kept for the next call."""
        while (at := self._buffer.find(marker)) < 0:
            data = await self.stream.receive_some()
            assert data, f"the connection ended before {marker!r}, after {self._buffer!r}"
            self._buffer += data
        end = at + len(marker)
        found, self._buffer = self._buffer[:end], self._buffer[end:]
        return found

    async def read_to_end(self) -> bytes:
        """What is left, up to the end of the connection, orderly or reset."""
        try:
            while data := await self.stream.receive_some():
                self._buffer += data
        except trio.BrokenResourceError:
            return self._buffer
        return self._buffer

    async def head(self) -> tuple[int, httpx.Headers]:
        """The status and headers of the answer."""
        first, *lines = (await self.read_until(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        return int(first.split(" ")[1]), httpx.Headers(headers)

    async def answer(self) -> tuple[int, httpx.Headers, Any]:
        """Status, headers and the JSON body of an answer that has a length."""
        status, headers = await self.head()
        size = int(headers["content-length"])
        while len(self._buffer) < size:
            data = await self.stream.receive_some()
            assert data, "the connection ended inside the body"
            self._buffer += data
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return status, headers, json.loads(body)

    async def close(self) -> None:
        await self.stream.aclose()

    def reset(self) -> None:
        self.stream.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.stream.socket.close()
