"""One connection to an origin: TCP, with TLS over it for https, and bytes in both directions.

Rule 1: closing is synchronous and immediate, so it can be done on every path, cancelled or not.
Rule 2: network errors are raised as httpx errors. Deadlines are the caller's, except for writing, where `write_timeout` limits
        each wait without progress.
Rule 3: receiving waits until the socket is readable, then reads. So every read is a checkpoint, and reading a slow stream takes
        one system call less per chunk.
"""

from __future__ import annotations

import contextlib
import math
import socket
import ssl
from functools import cache

import certifi
import httpx
import trio

RECEIVE_BYTES_MAX = 64 * 1024
TLS_WRITE_BYTES = 64 * 1024
KEEPALIVE_IDLE_SECONDS = 60

Origin = tuple[bytes, bytes, int]
"""Scheme, host and port."""


@cache
def default_ssl_context() -> ssl.SSLContext:
    """Verifies certificates against the certifi roots, and host names; offers HTTP/1.1 only. Built once per process."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class UpstreamConnection:
    """An open connection to one origin. Not safe for two readers or two writers at once."""

    __slots__ = ("_sock", "_tls", "idle_since", "origin")

    def __init__(self, origin: Origin, sock: socket.socket, tls: trio.SSLStream[trio.SocketStream] | None) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self._sock = sock
        self._tls = tls

    async def receive(self) -> bytes:
        """Bytes that have arrived, b"" at the end of the stream. Raises httpx.ReadError."""
        try:
            if self._tls is not None:
                return bytes(await self._tls.receive_some(RECEIVE_BYTES_MAX))
            while True:
                await trio.lowlevel.wait_readable(self._sock)
                try:
                    return self._sock.recv(RECEIVE_BYTES_MAX)
                except BlockingIOError:
                    continue  # a spurious wake-up
        except (OSError, ssl.SSLError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpx.ReadError(_reason("The connection was lost while reading", error)) from error

    async def send(self, data: bytes, write_timeout: float | None) -> None:
        """Send all of `data`. Raises httpx.WriteError, or httpx.WriteTimeout after `write_timeout` seconds without progress."""
        try:
            if self._tls is not None:
                await self._send_tls(self._tls, data, write_timeout)
            else:
                await self._send_plain(data, write_timeout)
        except (OSError, ssl.SSLError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpx.WriteError(_reason("The connection was lost while writing", error)) from error

    def is_stale(self) -> bool:
        """Whether this idle connection was closed by the peer or received unsolicited bytes: it cannot carry another request."""
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return self._tls is not None and bool(self._tls.pending())
        except OSError:
            return True
        return True

    def close(self) -> None:
        """Close at once, without TLS close_notify: HTTP's own framing marks the ends. Wakes a reader. May be called again."""
        if self._sock.fileno() != -1:
            trio.lowlevel.notify_closing(self._sock)
            self._sock.close()

    async def _send_plain(self, data: bytes, write_timeout: float | None) -> None:
        view = memoryview(data)
        while True:
            with contextlib.suppress(BlockingIOError):
                view = view[self._sock.send(view) :]
            if not view:
                return
            with _deadline(write_timeout) as scope:
                await trio.lowlevel.wait_writable(self._sock)
            if scope.cancelled_caught:
                raise httpx.WriteTimeout(f"The server accepted no data for {write_timeout:g} s.")

    async def _send_tls(self, tls: trio.SSLStream[trio.SocketStream], data: bytes, write_timeout: float | None) -> None:
        view = memoryview(data)
        for start in range(0, len(view), TLS_WRITE_BYTES):
            with _deadline(write_timeout) as scope:
                await tls.send_all(view[start : start + TLS_WRITE_BYTES])
            if scope.cancelled_caught:
                raise httpx.WriteTimeout(f"The server accepted no data for {write_timeout:g} s.")


async def connect(origin: Origin, ssl_context: ssl.SSLContext, connect_timeout: float | None) -> UpstreamConnection:
    """TCP and TLS within one `connect_timeout`. Raises httpx.ConnectError or httpx.ConnectTimeout."""
    with _deadline(connect_timeout) as scope:
        sock = await _connect_tcp(origin)
        try:
            tls = await _start_tls(sock, origin, ssl_context) if origin[0] == b"https" else None
            return UpstreamConnection(origin, sock, tls)
        except BaseException:
            sock.close()
            raise
    assert scope.cancelled_caught
    raise httpx.ConnectTimeout(f"No connection within {connect_timeout:g} s.")


async def _connect_tcp(origin: Origin) -> socket.socket:
    try:
        stream = await trio.open_tcp_stream(origin[1].decode("ascii"), origin[2])
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(_reason("No connection", error)) from error
    # Waiting and reading need only the plain socket; trio's wrapper would cost time on every chunk.
    sock = socket.socket(fileno=stream.socket.detach())
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS)
    return sock


async def _start_tls(
    sock: socket.socket, origin: Origin, ssl_context: ssl.SSLContext
) -> trio.SSLStream[trio.SocketStream]:
    # https_compatible: a close without close_notify reads as end of stream; HTTP's framing decides if it was premature.
    tls = trio.SSLStream(
        trio.SocketStream(trio.socket.from_stdlib_socket(sock)),
        ssl_context,
        server_hostname=origin[1].decode("ascii"),
        https_compatible=True,
    )
    try:
        await tls.do_handshake()
    except (OSError, ssl.SSLError, trio.BrokenResourceError) as error:
        raise httpx.ConnectError(_reason("No TLS", error)) from error
    return tls


def deadline_after(timeout: float | None) -> float:
    return math.inf if timeout is None else trio.current_time() + timeout


def _deadline(timeout: float | None) -> trio.CancelScope:
    return trio.CancelScope(deadline=deadline_after(timeout))


def _reason(what: str, error: BaseException) -> str:
    """`what`, followed by the deepest cause that has a message."""
    cause: BaseException = error
    while not str(cause) and cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, trio.BrokenResourceError) and cause.__cause__ is not None:
        cause = cause.__cause__
    return f"{what}: {str(cause) or type(cause).__name__}"
