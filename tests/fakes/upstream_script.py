"""The steps of a scripted upstream's script, and the request that a script answers.

Law: steps are frozen and hold no connection state, so one script may serve any number of requests at once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import trio


@dataclass(frozen=True, slots=True)
class Request:
    connection: int
    """Index into `connections`."""
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float
    """time.monotonic() when it was whole."""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)


class Peer(Protocol):
    """One accepted connection in the middle of a request, on which a step acts."""

    request: Request

    async def send(self, data: bytes) -> None: ...

    def send_eof(self) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


class Step(Protocol):
    async def run(self, peer: Peer) -> None: ...


@dataclass(frozen=True, slots=True)
class Head:
    """A status line and headers, as given."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    reason: str = "Status"

    async def run(self, peer: Peer) -> None:
        lines = [f"HTTP/1.1 {self.status} {self.reason}", *(f"{name}: {value}" for name, value in self.headers)]
        await peer.send("\r\n".join((*lines, "", "")).encode("latin-1"))


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes as they are."""

    data: bytes

    async def run(self, peer: Peer) -> None:
        await peer.send(self.data)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One frame of a chunked body, in one write. An empty one ends the body."""

    data: bytes

    async def run(self, peer: Peer) -> None:
        await peer.send(b"%x\r\n%s\r\n" % (len(self.data), self.data))


@dataclass(frozen=True, slots=True)
class WaitFor:
    event: trio.Event

    async def run(self, peer: Peer) -> None:
        await self.event.wait()


@dataclass(frozen=True, slots=True)
class Signal:
    """Signals the test that the script has reached this step."""

    event: trio.Event

    async def run(self, peer: Peer) -> None:
        self.event.set()


@dataclass(frozen=True, slots=True)
class Pause:
    """Time by Trio's clock: a test jumps over it, a process waits."""

    seconds: float

    async def run(self, peer: Peer) -> None:
        await trio.sleep(self.seconds)


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing more, until the peer closes."""

    async def run(self, peer: Peer) -> None:
        await trio.sleep_forever()


@dataclass(frozen=True, slots=True)
class Close:
    async def run(self, peer: Peer) -> None:
        peer.close()


@dataclass(frozen=True, slots=True)
class Abort:
    """Closes with a reset (RST)."""

    async def run(self, peer: Peer) -> None:
        peer.abort()


@dataclass(frozen=True, slots=True)
class HalfClose:
    """Ends the sending direction and keeps reading."""

    async def run(self, peer: Peer) -> None:
        peer.send_eof()


Script = Sequence[Step]
