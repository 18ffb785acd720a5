"""A client on a raw socket, that keeps a record of what it received and may vanish in any way.

Rule 1: every call has an Idempotency-Key of its own, so that its request's id is known even where no answer came.
Rule 2: `complete` is what a client would take for a whole answer: the closing frame and [DONE], or the whole plain body.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import struct
import time
from typing import Any, Literal

import h11
import trio

from tests.support.gateway.processes import MODEL

Endpoint = Literal["responses", "chat"]
PATHS: dict[Endpoint, str] = {"responses": "/v1/responses", "chat": "/v1/chat/completions"}
_CLOSING: dict[Endpoint, tuple[bytes, ...]] = {
    "responses": (b"event: response.completed\n", b"event: response.incomplete\n"),
    "chat": (b'"finish_reason":"stop"', b'"finish_reason":"length"'),
}
_FAILED: dict[Endpoint, tuple[bytes, ...]] = {
    "responses": (b"event: error\n", b"event: response.failed\n"),
    "chat": (b'data: {"error":',),
}


def ask(
    endpoint: Endpoint = "responses",
    *,
    stream: bool = True,
    text: str = "Say something.",
    max_tokens: int = 400,
    simulator: str = "",
) -> bytes:
    """The body of a request."""
    body: dict[str, Any] = {"model": MODEL, "stream": stream}
    if endpoint == "chat":
        body |= {"messages": [{"role": "user", "content": text}], "max_completion_tokens": max_tokens}
    else:
        body |= {"input": text, "max_output_tokens": max_tokens}
    if simulator:
        body["metadata"] = {"simulator": simulator}
    return json.dumps(body).encode()


class Call:
    """One request. Times are time.monotonic(), one clock for all processes of a machine."""

    def __init__(self, account_id: str, key: str, endpoint: Endpoint, body: bytes) -> None:
        self.endpoint: Endpoint = endpoint
        self.stream = bool(json.loads(body)["stream"])
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.received = bytearray()
        self.headed_at: float | None = None
        self.ended_at: float | None = None
        self.ended = False
        """The body's framing says that it is whole."""
        self._body = body
        self._key = key
        self._nonce = secrets.token_hex(8)
        digest = hashlib.sha256(f"{account_id}\0{self._nonce}".encode()).hexdigest()
        self.request_id = f"req_{digest[:32]}"
        self._http = h11.Connection(h11.CLIENT)
        self._tcp: trio.SocketStream | None = None

    def __repr__(self) -> str:
        told = bytes(self.received[-300:])
        return (
            f"<{self.endpoint} stream={self.stream} {self.request_id} status={self.status} ended={self.ended} {told!r}>"
        )

    async def run(self, port: int) -> None:
        """From the connection to the end of the answer, or of the connection."""
        try:
            await self.send(port)
            if await self.head() is not None:
                while await self.more():
                    pass
        finally:
            self.close()

    async def send(self, port: int, *, receive_buffer: int | None = None) -> None:
        """Connect and send the request. A connection that is refused or lost shows in `head`."""
        sock = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await sock.connect(("127.0.0.1", port))
            self._tcp = trio.SocketStream(sock)
            head = h11.Request(
                method="POST",
                target=PATHS[self.endpoint],
                headers=[
                    ("host", f"127.0.0.1:{port}"),
                    ("authorization", f"Bearer {self._key}"),
                    ("content-type", "application/json"),
                    ("content-length", str(len(self._body))),
                    ("idempotency-key", self._nonce),
                ],
            )
            await self._tcp.send_all(
                self._http.send(head) + self._http.send(h11.Data(self._body)) + self._http.send(h11.EndOfMessage())
            )
        except (OSError, trio.BrokenResourceError):
            sock.close()
            self._lost()

    async def head(self) -> int | None:
        """The status; None where the connection was lost before it."""
        event = await self._event()
        while isinstance(event, h11.InformationalResponse):
            event = await self._event()
        if not isinstance(event, h11.Response):
            return None
        self.status = event.status_code
        self.headers = {name.decode(): value.decode() for name, value in event.headers}
        self.headed_at = time.monotonic()
        return self.status

    async def more(self) -> bytes:
        """The next bytes of the body; b"" at its end, and where the connection was lost."""
        event = await self._event()
        if isinstance(event, h11.Data):
            self.received += event.data
            return bytes(event.data)
        if isinstance(event, h11.EndOfMessage):
            self.ended = True
            self.ended_at = time.monotonic()
        return b""

    async def _event(self) -> Any:
        while True:
            try:
                event = self._http.next_event()
                if event is not h11.NEED_DATA:
                    return event
                data = b"" if self._tcp is None else await self._tcp.receive_some(65536)
                if not data:
                    self._lost()
                    return None
                self._http.receive_data(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
                self._lost()
                return None

    def _lost(self) -> None:
        self.ended_at = time.monotonic()
        self.close()

    def close(self) -> None:
        """An orderly close (FIN). Closing twice is closing once."""
        if self._tcp is not None:
            self._tcp.socket.close()
            self._tcp = None

    def reset(self) -> None:
        """A close by RST."""
        if self._tcp is not None:
            self._tcp.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    # What it amounts to.

    @property
    def closing_frame(self) -> bool:
        """The end of the answer's content has been seen."""
        if not self.stream:
            return self.complete
        return self.status == 200 and any(mark in self.received for mark in _CLOSING[self.endpoint])

    @property
    def complete(self) -> bool:
        """A whole answer."""
        if self.status != 200:
            return False
        if self.stream:
            done = self.received.rstrip().endswith(b"data: [DONE]")
            return done and any(mark in self.received for mark in _CLOSING[self.endpoint])
        return self.ended and bool(self.received)

    @property
    def refused(self) -> bool:
        """Told that there is no answer: by a status, or by the frames that end a stream in an error."""
        if self.status is not None and self.status >= 400:
            return True
        return self.stream and any(mark in self.received for mark in _FAILED[self.endpoint])

    def error(self) -> dict[str, Any]:
        """The envelope of a refusal by status."""
        value = json.loads(bytes(self.received))["error"]
        assert isinstance(value, dict)
        return value


async def run_all(calls: list[Call], port_of: list[int]) -> None:
    """All at once, spread over the ports in turn. Returns when the last has ended."""
    async with trio.open_nursery() as nursery:
        for number, call in enumerate(calls):
            nursery.start_soon(call.run, port_of[number % len(port_of)])
