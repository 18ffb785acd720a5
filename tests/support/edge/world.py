"""A server on a real socket, and an application that answers by path."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import trio

GET = b"GET %b HTTP/1.1\r\nhost: here\r\n\r\n"


class World:
    """One server, and what its application saw. The application answers by path."""

    def __init__(self) -> None:
        self.shutdown = trio.Event()
        self.port = 0
        self.started = trio.Event()
        self.ended = trio.Event()
        self.go = trio.Event()
        self.cancelled = 0
        self.requests = 0
        self.scope: dict[str, Any] = {}

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests += 1
        self.scope = scope
        self.started.set()
        try:
            await getattr(self, "on_" + scope["path"].strip("/"), self.on_echo)(receive, send)
        except trio.Cancelled:
            self.cancelled += 1
            raise
        finally:
            self.ended.set()

    async def on_echo(self, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        answer = b"%b:%d" % (self.scope["raw_path"], len(body))
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(answer))]}
        )
        await send({"type": "http.response.body", "body": answer})

    async def on_wait(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await self.go.wait()
        await send({"type": "http.response.body", "body": b"last"})

    async def on_hang(self, receive: Any, send: Any) -> None:
        await trio.sleep_forever()

    async def on_flood(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})

    async def on_refuse(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"3")]})
        await send({"type": "http.response.body", "body": b"big"})

    async def on_fail(self, receive: Any, send: Any) -> None:
        raise RuntimeError("hunter2")

    async def on_short(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"half"})

    async def on_split(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"b\r\nset-cookie: c=d")]})

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def ask(self, data: bytes) -> bytes:
        """Everything that comes back until the server closes."""
        async with await self.connect() as client:
            await client.send_all(data)
            return await everything(client)


async def everything(client: trio.SocketStream) -> bytes:
    got = b""
    with contextlib.suppress(trio.BrokenResourceError):
        async for part in client:
            got += part
    return got


async def until(client: trio.SocketStream, end: bytes) -> bytes:
    got = b""
    while not got.endswith(end):
        part = await client.receive_some()
        assert part, f"closed after {got!r}"
        got += part
    return got


def refusal(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Status and envelope of a protocol's own answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head
    assert b"x-request-id: req_" in head
    assert b"content-type: application/json" in head
    error = msgspec.json.decode(body)["error"]
    assert {"message", "type", "param", "code"} <= error.keys()
    return int(head.split()[1]), error


Start = Callable[..., Awaitable[World]]
