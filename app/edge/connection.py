"""One client's connection: its socket, its patience, and the task that answers each of its requests.

Rule 1: one task reads for as long as the connection lives, so that a client that goes is noticed while its answer is made;
    where it has sent more than is read ahead, the task watches for its end instead.
    End of file counts as gone: over TCP nobody can tell a half-closed client from one that left.
Rule 2: reading waits until a deadline that says what for: the rest of a head, the next request, or (during one) nothing.
Rule 3: a write waits for the client at most `send_stall_seconds`, anew after each byte taken. Then the connection is reset.
Rule 4: a write that did not go out whole leaves the framing broken: the connection is reset, never used again.
Rule 5: the task of a request outlives its last byte while it cleans up; the next request need not wait for that.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import struct
import sys
from math import inf
from typing import TYPE_CHECKING, Any

import trio
from hypercorn.config import Config
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import MAX_RECV, TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import parse_socket_addr

from app.edge.h1 import HttpRefusal, Protocol, Stream, timed_out
from app.faults import ApiError, ShuttingDown

if TYPE_CHECKING:
    from app.edge.server import Server

LOG = logging.getLogger("realrouter.edge")
WRITES_WITHOUT_YIELD = 16
"""A stream that is always ready, to a client that always reads, lets others run after so many writes."""
_RESET = struct.pack("ii", 1, 0)


class ClientConnection(TCPServer):
    """Serves one accepted socket, from its first byte to its close."""

    protocol: Protocol  # type: ignore[assignment]  # hypercorn's own wraps two protocols; here is one
    stream: trio.SocketStream  # type: ignore[assignment]  # TLS belongs to the proxy in front

    def __init__(self, server: Server, config: Config, context: WorkerContext, stream: trio.SocketStream) -> None:
        super().__init__(server.wrapped, config, context, ConnectionState({}), stream)  # type: ignore[arg-type]
        self._app = server.app
        self.limits = server.limits
        self.draining = server.draining
        self.closing = False
        self._socket = stream.socket
        self._deadline = trio.current_time() + self.limits.head_seconds
        self._head_begun = False
        self._reading = trio.CancelScope()
        self._writes = 0
        self._nursery: trio.Nursery

    @property
    def is_idle(self) -> bool:
        """Between two requests, with no byte of the next one here."""
        return self.protocol.stream is None and not self._head_begun

    @property
    def may_go(self) -> bool:
        """Idle, has answered before, and is not on its way out already."""
        return self.is_idle and not self.closing and self.protocol.keep_alive_requests > 0

    async def run(self) -> None:
        """Never raises but Cancelled: what goes wrong on one connection is of no concern to the others."""
        try:
            client = parse_socket_addr(self._socket.family, self._socket.getpeername())
            server = parse_socket_addr(self._socket.family, self._socket.getsockname())
        except OSError:
            return  # gone before it was looked at
        self.protocol = Protocol(
            self, self.config, self.context, TaskGroup(), self.state, False, client, server, self.send
        )
        async with trio.open_nursery() as self._nursery:
            try:
                await self._read()
            except trio.Cancelled:
                self._cut()
                raise
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self.reset()
            finally:
                if self.protocol.stream is not None:
                    self.protocol.stream.client_gone()
                await trio.aclose_forcefully(self.stream)

    async def send(self, event: Any) -> None:
        """Where hypercorn's own code would send: ours never does."""
        raise NotImplementedError

    async def _read(self) -> None:
        try:
            while not self.closing:
                data = await self._receive()
                if data == b"":
                    return
                self._feed(data or b"")
                while await self._wait_for_room():
                    self._feed(b"")
        except HttpRefusal as refused:
            await self.write(refused.answer())
        await self._linger()

    async def _receive(self) -> bytes | None:
        """The next bytes; b"" at the end; None when woken. Raises HttpRefusal when a head takes too long."""
        with trio.CancelScope(deadline=self._deadline) as self._reading:
            return await self.stream.receive_some(MAX_RECV)
        if trio.current_time() >= self._deadline and self.protocol.stream is None:
            self.closing = True
            if self._head_begun:
                raise timed_out(self.limits.head_seconds)
        return None

    def _feed(self, data: bytes) -> None:
        protocol = self.protocol
        protocol.feed(data)
        if protocol.stream is not None:
            self._head_begun = False
            self._deadline = inf
        elif not self._head_begun and protocol.ahead:
            self._head_begun = True
            self._deadline = trio.current_time() + self.limits.head_seconds

    async def _wait_for_room(self) -> bool:
        """Read no further than the application takes, nor further ahead than one head may be long.

        True: there is something to go on with in the buffer, before the socket is read again.
        """
        while (stream := self.protocol.stream) is not None and stream.intake.blocked:
            await stream.intake.room()
        waited = False
        while self._is_busy() and self.protocol.ahead > self.limits.head_bytes:
            waited = True
            with trio.CancelScope() as self._reading:
                await self._client_ends()
                raise trio.BrokenResourceError("the client left, and what it sent before is not worth an answer")
        return waited and not self.closing

    async def _client_ends(self) -> None:
        """Return when the client has ended its side or reset, whatever waits unread before that end."""
        if sys.platform != "linux":
            await trio.sleep_forever()  # elsewhere only the next write to it tells
        with select.epoll() as watch:
            watch.register(self._socket.fileno(), select.EPOLLRDHUP)
            await trio.lowlevel.wait_readable(watch.fileno())

    def _is_busy(self) -> bool:
        return self.protocol.stream is not None and not self.closing

    def start(self, stream: Stream) -> None:
        """Answer a request, in a task of its own."""
        self._nursery.start_soon(self._answer, stream)

    async def _answer(self, stream: Stream) -> None:
        try:
            with stream.cancel_scope:
                await self._app(stream.scope, stream.receive, stream.app_send)
        except Exception:
            LOG.exception("a request's task failed", extra={"path": stream.scope["path"]})
        finally:
            self._last_words(stream, ShuttingDown() if self.draining else ApiError())

    def _cut(self) -> None:
        """The server's grace is over, or it was cancelled."""
        if (stream := self.protocol.stream) is not None:
            self._last_words(stream, ShuttingDown())

    def _last_words(self, stream: Stream, error: ApiError) -> None:
        """If the answer is not whole, it never will be: say why where nothing was said, let no half look whole, close."""
        if stream.closed:
            return
        stream.client_gone()
        if stream.unstarted:
            with contextlib.suppress(OSError):
                os.write(self._socket.fileno(), HttpRefusal(error).answer())
        elif stream.framed_by_end:
            self.reset()
        self.finish()

    async def write(self, data: bytes) -> None:
        """Send all of `data`, or reset the connection."""
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            # Straight to the socket: nearly always the kernel takes it all, and a turn of the event loop costs more.
            sent = os.write(self._socket.fileno(), data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.reset()
            await trio.lowlevel.checkpoint()
            return
        if sent < len(data):
            await self._write_patiently(memoryview(data)[sent:])
            return
        self._writes += 1
        if self._writes >= WRITES_WITHOUT_YIELD:
            self._writes = 0
            await trio.lowlevel.checkpoint()

    async def _write_patiently(self, rest: memoryview) -> None:
        whole = False
        try:
            with trio.CancelScope() as patience:
                while rest:
                    patience.deadline = trio.current_time() + self.limits.send_stall_seconds
                    rest = rest[await self._socket.send(rest) :]
                whole = True
        except (OSError, trio.ClosedResourceError):
            whole = False  # the client is gone, or the reader saw it go
        finally:
            if not whole:
                self.reset()
        if not whole:
            await trio.lowlevel.checkpoint()

    def reset(self) -> None:
        """Close hard: what the kernel still holds is dropped, the client sees a reset, the request's task is cancelled."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._socket.close()
        if self.protocol.stream is not None:
            self.protocol.stream.client_gone()
        self.finish()

    def idle(self, *, buffered: bool) -> None:
        """An answer is out, and the connection stays for the next request."""
        self._deadline = trio.current_time() + self.limits.idle_seconds
        if buffered:
            self._reading.cancel()
        else:
            self._reading.deadline = self._deadline

    def finish(self) -> None:
        """Close as soon as the reader sees it, which is now."""
        self.closing = True
        self._reading.cancel()

    def drain(self) -> None:
        """The server shuts down: an idle connection closes now, a busy one with its answer."""
        self.draining = True
        if self.is_idle:
            self.finish()

    async def _linger(self) -> None:
        """Throw away what still comes of a refused request, for a while: closing on it would destroy our answer on its way."""
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self.stream.send_eof()
            if not self.protocol.unread:
                return
            budget = self.limits.linger_bytes
            with trio.move_on_after(self.limits.linger_seconds):
                while budget > 0 and (data := await self.stream.receive_some(MAX_RECV)):
                    budget -= len(data)
