"""An upstream that follows a script, with real bytes over real sockets: for tests, benchmarks and harnesses.

Law 1: a script is a list of steps, chosen per request by a plain function. After its last step the connection serves the next
       request, unless a step closed it.
Law 2: a peer's close is noticed when it happens, while the script streams, waits or stalls, because another task reads. If a send
       meets a reset before the reader runs, it is noticed there.
Law 3: connections are accepted in the next turn of the event loop, so recorded times contain no time in a queue.
Law 4: everything received is recorded: requests, when each connection opened, and when its peer closed it.

In a test:     async with serve(lambda request: chat_stream(5)) as upstream: ... upstream.base_url ... upstream.requests
As a process:  python -m tests.fakes.scripted_upstream '{"chunks": 50, "delay": 0.01}'  prints its port; see `Config`.
"""

from __future__ import annotations

import resource
import signal
import socket
import ssl
import struct
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import msgspec
import trio

from tests.fakes.openai_shapes import (
    chat_stream,
    error_answer,
    event_stream,
    json_answer,
    openai_script,
    responses_stream,
)
from tests.fakes.received_bytes import ReceivedBytes, parse_head
from tests.fakes.upstream_script import (
    Abort,
    Chunk,
    Close,
    HalfClose,
    Head,
    Pause,
    Request,
    Script,
    Send,
    Signal,
    Stall,
    Step,
    WaitFor,
)

__all__ = [
    "Abort",
    "Accepted",
    "Chunk",
    "Close",
    "Config",
    "HalfClose",
    "Head",
    "Pause",
    "Request",
    "Script",
    "ScriptedUpstream",
    "Send",
    "Signal",
    "Stall",
    "Step",
    "WaitFor",
    "chat_stream",
    "error_answer",
    "event_stream",
    "json_answer",
    "openai_script",
    "refused_port",
    "responses_stream",
    "serve",
]

_BACKLOG = 2048


@dataclass(slots=True, eq=False)
class Accepted:
    """One accepted connection. The times are None while the peer is there; the event is set with them."""

    opened_at: float
    requests: int = 0
    closed_at: float | None = None
    """time.monotonic() when the peer's close, half-close or reset was noticed."""
    closed_at_trio: float | None = None
    reset: bool = False
    over: bool = False
    """Closed by either side."""
    closed: trio.Event = field(default_factory=trio.Event)


Chooser = Callable[[Request], Script]
EarlyChooser = Callable[[Request], Script | None]
Handler = Callable[[trio.SocketStream], Awaitable[None]]


def _never(request: Request) -> None:
    return None


class ScriptedUpstream:
    """`requests` and `connections` grow as they arrive. `choose` and `early` may be replaced at any time."""

    def __init__(self, choose: Chooser, port: int, scheme: str) -> None:
        self.choose = choose
        self.early: EarlyChooser = _never
        """Called when only the head of a request has arrived. A script that it returns leaves the body unread and must close."""
        self.port = port
        self.scheme = scheme
        self.requests: list[Request] = []
        self.connections: list[Accepted] = []
        self.record = True
        """Off for benchmarks and long runs: keeps memory flat."""
        self._changed = trio.Event()

    @property
    def origin(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def open_connections(self) -> int:
        return sum(1 for accepted in self.connections if not accepted.over)

    async def wait_until(self, condition: Callable[[ScriptedUpstream], bool]) -> None:
        """Returns when `condition` holds; looked at whenever a connection or a request comes or goes."""
        while not condition(self):
            await self._changed.wait()

    async def serve_connection(self, stream: trio.abc.Stream, sock: trio.socket.SocketType) -> None:
        accepted = Accepted(opened_at=time.monotonic())
        index = len(self.connections)
        self.connections.append(accepted)
        self._notify()
        serving = _Serving(self, stream, sock, accepted, index)
        try:
            await serving.run()
        finally:
            sock.close()
            accepted.over = True
            self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def note_request(self, request: Request, accepted: Accepted) -> None:
        accepted.requests += 1
        if self.record:
            self.requests.append(request)
        self._notify()

    def note_closed(self, accepted: Accepted, *, reset: bool) -> None:
        accepted.reset |= reset  # the second to meet a reset only sees an end of file
        if accepted.closed_at is None:
            accepted.closed_at = time.monotonic()
            accepted.closed_at_trio = trio.current_time()
            accepted.closed.set()
        self._notify()


class _Gone(Exception):
    """This connection is over, by either side."""


class _Serving:
    """One connection: a task that reads, and one that runs the scripts."""

    def __init__(
        self,
        upstream: ScriptedUpstream,
        stream: trio.abc.Stream,
        sock: trio.socket.SocketType,
        accepted: Accepted,
        index: int,
    ) -> None:
        self._upstream = upstream
        self._stream = stream
        self._sock = sock
        self._accepted = accepted
        self._index = index
        self._received = ReceivedBytes()
        self.request: Request

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read, nursery.cancel_scope)
            try:
                with suppress(_Gone, trio.ClosedResourceError):
                    while True:
                        await self._serve_one()
            except trio.BrokenResourceError:
                self._upstream.note_closed(self._accepted, reset=True)
            nursery.cancel_scope.cancel()

    async def _read(self, serving: trio.CancelScope) -> None:
        """Law 2: always reading. The end of the peer's stream ends whatever the script is doing."""
        reset = False
        try:
            while data := await self._stream.receive_some():
                self._received.feed(data)
        except trio.BrokenResourceError:
            reset = True
        except trio.ClosedResourceError:
            return
        self._upstream.note_closed(self._accepted, reset=reset)
        serving.cancel()

    async def _serve_one(self) -> None:
        method, path, headers = parse_head(await self._received.take_head())
        request = Request(self._index, method, path, headers, b"", time.monotonic())
        script = self._upstream.early(request)
        if script is None:
            body = await self._received.take_body(request)
            request = Request(self._index, method, path, headers, body, time.monotonic())
        self.request = request
        self._upstream.note_request(request, self._accepted)
        for step in self._upstream.choose(request) if script is None else script:
            await step.run(self)

    # Used by the steps.

    async def send(self, data: bytes) -> None:
        await self._stream.send_all(data)

    def send_eof(self) -> None:
        self._sock.shutdown(trio.socket.SHUT_WR)

    def close(self) -> None:
        self._sock.shutdown(trio.socket.SHUT_RDWR)
        self._sock.close()
        raise _Gone

    def abort(self) -> None:
        self._sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()
        raise _Gone


@asynccontextmanager
async def serve(
    choose: Chooser, *, port: int = 0, ssl_context: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedUpstream]:
    """An upstream on 127.0.0.1 while the block runs; then its connections are closed, whatever their scripts do."""
    with socket.create_server(("127.0.0.1", port), backlog=_BACKLOG) as listening:
        listening.setblocking(False)
        upstream = ScriptedUpstream(choose, listening.getsockname()[1], "https" if ssl_context else "http")

        async def handle(tcp: trio.SocketStream) -> None:
            with tcp.socket:
                stream: trio.abc.Stream = tcp
                if ssl_context is not None:
                    stream = trio.SSLStream(tcp, ssl_context, server_side=True, https_compatible=True)
                    try:
                        await stream.do_handshake()
                    except (trio.BrokenResourceError, trio.ClosedResourceError):
                        return
                await upstream.serve_connection(stream, tcp.socket)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(_accept, listening, handle, nursery)
            try:
                yield upstream
            finally:
                nursery.cancel_scope.cancel()


async def _accept(listening: socket.socket, handle: Handler, nursery: trio.Nursery) -> None:
    """Law 3: Trio's own listeners accept one in a turn."""
    while True:
        await trio.lowlevel.wait_readable(listening)
        with suppress(BlockingIOError, ConnectionAbortedError):
            while True:
                accepted, _ = listening.accept()
                nursery.start_soon(handle, trio.SocketStream(trio.socket.from_stdlib_socket(accepted)))


def refused_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# As a process


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings for a harness. Times are in seconds."""

    port: int = 0
    chunks: int = 50
    """Text chunks of a stream; words of a plain answer."""
    delay: float = 0.0
    """Before each frame of a stream."""
    stall_after: int | None = None
    """Streams stop after this many frames and stay open."""
    fail_status: int | None = None
    """Every call is refused with it."""
    record: bool = False
    """Keep requests, for GET /_requests."""


def _choose(config: Config, stats: Callable[[Request], Script | None], request: Request) -> Script:
    """Vendor's answers, and for the harness: GET /_connections and /_requests."""
    script = stats(request)
    if script is not None:
        return script
    if config.fail_status is not None:
        return error_answer(config.fail_status)
    script = openai_script(request, chunks=config.chunks, delay=config.delay)
    if config.stall_after is not None and b'"stream":true' in request.body.replace(b" ", b""):
        steps_per_frame = 2 if config.delay else 1
        return [*script[: 1 + config.stall_after * steps_per_frame], Stall()]
    return script


def _stats(upstream: ScriptedUpstream, request: Request) -> Script | None:
    """time.monotonic() is one clock for all processes of a machine: a harness may compare these times with its own."""
    if request.path == "/_connections":
        rows = [
            {"opened_at": row.opened_at, "closed_at": row.closed_at, "requests": row.requests, "over": row.over}
            for row in upstream.connections
        ]
        return json_answer({"connections": rows, "open": upstream.open_connections})
    if request.path == "/_requests":
        return json_answer({"requests": upstream.requests})
    return None


async def _serve_process(config: Config) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with serve(lambda request: [], port=config.port) as upstream:
            upstream.record = config.record
            upstream.choose = partial(_choose, config, partial(_stats, upstream))
            print(upstream.port, flush=True)
            async for _ in signals:
                return


if __name__ == "__main__":
    trio.run(_serve_process, msgspec.json.decode(sys.argv[1] if len(sys.argv) > 1 else "{}", type=Config))
