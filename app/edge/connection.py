"""One client's connection: its socket, its time limits, and the task that answers each of its requests.

Rule 1: one task reads for as long as the connection lives, so a client that leaves is noticed while its response is made. Once a
    client has sent more than is read ahead, the task watches only for the end of its stream. End of file counts as a client that
    left: over TCP, a half-closed client cannot be distinguished from one that left.
Rule 2: every read has a deadline, which depends on whether it waits for the rest of a head or for the next request. During a
    request there is none.
Rule 3: a write waits at most `send_stall_seconds` for the client, counted from the last byte it took. Then the connection is reset.
Rule 4: an incomplete write leaves the framing broken: the connection is reset and never used again.
Rule 5: a request's task may clean up after its last byte is out; the next request does not wait for that.
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

import trio
from hypercorn.typing import ASGIFramework
from hypercorn.utils import parse_socket_addr

from app.edge.h1 import Exchange, Http1, head_timed_out
from app.edge.limits import ServerLimits
from app.edge.refusal import HttpRefusal
from app.faults import ApiError, ShuttingDown

LOG = logging.getLogger("realrouter.edge")
RECEIVE_BYTES_MAX = 64 * 1024
WRITES_WITHOUT_YIELD = 16
"""A stream that is always ready, to a client that always reads, yields to other tasks after this many writes."""
_RESET = struct.pack("ii", 1, 0)


class ClientConnection:
    """Serves one accepted socket, from its first byte to its close. `draining`: the server is shutting down."""

    def __init__(self, app: ASGIFramework, limits: ServerLimits, stream: trio.SocketStream, *, draining: bool) -> None:
        self.limits = limits
        self.draining = draining
        self.closing = False
        self._app = app
        self._stream = stream
        self._socket = stream.socket
        self._deadline = trio.current_time() + limits.head_seconds
        self._head_begun = False
        self._reading = trio.CancelScope()
        self._writes = 0
        self._http: Http1
        self._nursery: trio.Nursery

    @property
    def is_idle(self) -> bool:
        """Between two requests, with no byte of the next one received."""
        return self._http.exchange is None and not self._head_begun

    @property
    def evictable(self) -> bool:
        """Idle, has answered a request, and is not closing yet."""
        return self.is_idle and not self.closing and self._http.requests > 0

    async def run(self) -> None:
        """Serve until the connection closes. Raises nothing but Cancelled: a failure here must not affect other connections."""
        try:
            client = parse_socket_addr(self._socket.family, self._socket.getpeername())
            server = parse_socket_addr(self._socket.family, self._socket.getsockname())
        except OSError:
            return  # the client has already left
        self._http = Http1(self, self.limits, client=client, server=server)
        async with trio.open_nursery() as self._nursery:
            try:
                await self._read()
            except trio.Cancelled:
                self._cut()
                raise
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self.reset()
            finally:
                if self._http.exchange is not None:
                    self._http.exchange.client_gone()
                await trio.aclose_forcefully(self._stream)

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
        """The next bytes from the client, or b"" if it has closed its side.

        None if the wait was cancelled, or if the next request did not begin in time (`closing` is then set). Raises HttpRefusal if
        a head takes too long.
        """
        with trio.CancelScope(deadline=self._deadline) as self._reading:
            return await self._stream.receive_some(RECEIVE_BYTES_MAX)
        if trio.current_time() >= self._deadline and self._http.exchange is None:
            self.closing = True
            if self._head_begun:
                raise head_timed_out(self.limits.head_seconds)
        return None

    def _feed(self, data: bytes) -> None:
        http = self._http
        http.feed(data)
        if http.exchange is not None:
            self._head_begun = False
            self._deadline = inf
        elif not self._head_begun and http.ahead:
            self._head_begun = True
            self._deadline = trio.current_time() + self.limits.head_seconds

    async def _wait_for_room(self) -> bool:
        """Wait until the application has taken the body, and no more is buffered than one head may be long.

        True: parse the buffer again before reading the socket.
        """
        while (exchange := self._http.exchange) is not None and exchange.intake.blocked:
            await exchange.intake.room()
        waited = False
        while self._is_busy() and self._http.ahead > self.limits.head_bytes:
            waited = True
            with trio.CancelScope() as self._reading:
                await self._client_ends()
                raise trio.BrokenResourceError("the client left; the requests that it had pipelined are not answered")
        return waited and not self.closing

    async def _client_ends(self) -> None:
        """Return when the client has ended its side or reset the connection, even if unread bytes precede that."""
        if sys.platform != "linux":
            await trio.sleep_forever()  # elsewhere only the next write notices
        with select.epoll() as watch:
            watch.register(self._socket.fileno(), select.EPOLLRDHUP)
            await trio.lowlevel.wait_readable(watch.fileno())

    def _is_busy(self) -> bool:
        return self._http.exchange is not None and not self.closing

    def start(self, exchange: Exchange) -> None:
        """Answer a request, in a separate task."""
        self._nursery.start_soon(self._answer, exchange)

    async def _answer(self, exchange: Exchange) -> None:
        try:
            with exchange.cancel_scope:
                await self._app(exchange.scope, exchange.receive, exchange.app_send)
        except Exception:
            LOG.exception("a request's task failed", extra={"path": exchange.scope["path"]})
        finally:
            self._give_up(exchange, ShuttingDown() if self.draining else ApiError())

    def _cut(self) -> None:
        """The grace period has ended, or the server was cancelled."""
        if (exchange := self._http.exchange) is not None:
            self._give_up(exchange, ShuttingDown())

    def _give_up(self, exchange: Exchange, error: ApiError) -> None:
        """End a request whose response is not complete and never will be; does nothing if it is complete.

        Sends `error` if nothing was sent yet, and makes sure that a partial response does not look complete.
        """
        if exchange.closed:
            return
        exchange.client_gone()
        if exchange.unstarted:
            with contextlib.suppress(OSError):
                os.write(self._socket.fileno(), HttpRefusal(error).answer())
        elif exchange.framed_by_end:
            self.reset()
        self.finish()

    async def write(self, data: bytes) -> None:
        """Send all of `data`, or reset the connection."""
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            # Directly to the socket: the kernel nearly always takes all of it, and a turn of the event loop costs more.
            sent = os.write(self._socket.fileno(), data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.reset()
            await trio.lowlevel.checkpoint()
            return
        if sent < len(data):
            await self._write_rest(memoryview(data)[sent:])
            return
        self._writes += 1
        if self._writes >= WRITES_WITHOUT_YIELD:
            self._writes = 0
            await trio.lowlevel.checkpoint()

    async def _write_rest(self, rest: memoryview) -> None:
        whole = False
        try:
            with trio.CancelScope() as stall:
                while rest:
                    stall.deadline = trio.current_time() + self.limits.send_stall_seconds
                    rest = rest[await self._socket.send(rest) :]
                whole = True
        except (OSError, trio.ClosedResourceError):
            whole = False  # the client has left, or the reader has closed the socket
        finally:
            if not whole:
                self.reset()
        if not whole:
            await trio.lowlevel.checkpoint()

    def reset(self) -> None:
        """Abort: unsent bytes are dropped, the client sees a reset, and the request's task is cancelled."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._socket.close()
        if self._http.exchange is not None:
            self._http.exchange.client_gone()
        self.finish()

    def idle(self, *, buffered: bool) -> None:
        """The response is out and the connection stays open. `buffered`: part of the next request has already arrived."""
        self._deadline = trio.current_time() + self.limits.idle_seconds
        if buffered:
            self._reading.cancel()
        else:
            self._reading.deadline = self._deadline

    def finish(self) -> None:
        """Close the connection. Its reader notices immediately."""
        self.closing = True
        self._reading.cancel()

    def drain(self) -> None:
        """The server is shutting down: close now if idle, else after the current response."""
        self.draining = True
        if self.is_idle:
            self.finish()

    async def _linger(self) -> None:
        """Discard the rest of a refused request for a while: closing on unread bytes would reset the connection before our response
        is read."""
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self._stream.send_eof()
            if not self._http.unread:
                return
            budget = self.limits.linger_bytes
            with trio.move_on_after(self.limits.linger_seconds):
                while budget > 0 and (data := await self._stream.receive_some(RECEIVE_BYTES_MAX)):
                    budget -= len(data)
