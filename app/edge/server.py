"""Accepts connections, limits how many are open, and shuts them down in order.

Rule 1: a process holds at most `limits.connections`. Beyond that, or when descriptors run out, idle connections are closed first.
Rule 2: on shutdown nothing more is accepted, idle connections close at once, and open requests get `grace_seconds`.
    Those still open after that are cancelled.
Rule 3: a waiting connection is accepted within a few turns of the event loop, however many are waiting and however long the turns
    are. With one connection per turn, a burst of clients would wait for seconds while open streams take their turns.
Rule 4: a failure of one connection never ends the server.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import trio
from hypercorn.typing import ASGIFramework

from app.edge.connection import ClientConnection
from app.edge.limits import BACKLOG, ServerLimits
from app.edge.refusal import HttpRefusal
from app.faults import Overloaded

LOG = logging.getLogger("realrouter.edge")
ACCEPT_PAUSE_SECONDS = 0.1
ACCEPTED_AT_ONCE = 16
"""Connections accepted in one turn of the event loop: it limits how long open streams wait for new clients."""
EVICTED_AT_ONCE = 16
_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

Address = str
"""`host:port`, `[v6]:port` or `unix:/path`."""


def open_sockets(bind: Sequence[Address], *, backlog: int = BACKLOG, reuse_port: bool = False) -> list[socket.socket]:
    """Listening sockets. `reuse_port`: several processes bind the same port, and the kernel spreads connections over them."""
    opened: list[socket.socket] = []
    try:
        for address in bind:
            opened.append(_bound(address, reuse_port))
            opened[-1].listen(backlog)
    except BaseException:
        for listening in opened:
            listening.close()
        raise
    return opened


def _bound(address: Address, reuse_port: bool) -> socket.socket:
    if address.startswith("unix:"):
        return _bound_unix(address.removeprefix("unix:"))
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, int(port)))
    except BaseException:
        bound.close()
        raise
    return bound


def _bound_unix(name: str) -> socket.socket:
    path = Path(name)
    if path.is_socket():
        path.unlink()  # left over from an earlier process
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(name)
    except BaseException:
        bound.close()
        raise
    return bound


class Server:
    """The open connections of one process."""

    def __init__(self, app: ASGIFramework, limits: ServerLimits) -> None:
        self.app = app
        self.limits = limits
        self.draining = False
        self.connections: dict[ClientConnection, None] = {}

    async def accept(self, listening: socket.socket, nursery: trio.Nursery) -> None:
        """Accept connections until cancelled, then close the socket."""
        async with trio.SocketListener(trio.socket.from_stdlib_socket(listening)) as listener:
            while True:
                try:
                    stream = await listener.accept()
                except OSError as error:
                    if error.errno not in _FULL:
                        raise
                    evicted = self._evict(EVICTED_AT_ONCE)
                    LOG.warning("cannot accept: %s; closed %d idle connections", os.strerror(error.errno), evicted)
                    await trio.sleep(ACCEPT_PAUSE_SECONDS)
                else:
                    nursery.start_soon(self._serve, stream)
                    for waiting in _waiting(listening, ACCEPTED_AT_ONCE - 1):
                        nursery.start_soon(self._serve, waiting)

    async def _serve(self, stream: trio.SocketStream) -> None:
        if len(self.connections) >= self.limits.connections and not self._evict(1):
            await self._turn_away(stream)
            return
        connection = ClientConnection(self.app, self.limits, stream, draining=self.draining)
        self.connections[connection] = None
        try:
            await connection.run()
        except Exception:
            LOG.exception("a connection failed")
        finally:
            del self.connections[connection]
            stream.socket.close()

    def _evict(self, count: int) -> int:
        """Close up to `count` idle connections, the oldest first."""
        idle = [connection for connection in self.connections if connection.evictable][:count]
        for connection in idle:
            connection.finish()
        return len(idle)

    async def _turn_away(self, stream: trio.SocketStream) -> None:
        """Answer 503 without reading the request."""
        async with stream:
            try:
                with trio.move_on_after(self.limits.linger_seconds):
                    await stream.send_all(HttpRefusal(Overloaded(per_key=False)).answer())
                    await stream.send_eof()
                    await stream.receive_some(self.limits.head_bytes)
            except trio.BrokenResourceError:
                return  # the client did not wait for the answer

    def drain(self) -> None:
        self.draining = True
        for connection in self.connections:
            connection.drain()


async def serve(
    app: ASGIFramework,
    *,
    bind: Sequence[Address] = (),
    sockets: Sequence[socket.socket] = (),
    limits: ServerLimits | None = None,
    shutdown: trio.Event,
    reuse_port: bool = False,
    task_status: trio.TaskStatus[list[int]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `app` until `shutdown`, then let open requests finish. Reports the bound ports once it is listening.

    `sockets` are already listening; `bind` names more addresses. No ASGI lifespan events are sent: the caller opens and closes
    everything that outlives a request.
    """
    limits = limits or ServerLimits()
    listening = [*sockets, *open_sockets(bind, backlog=limits.backlog, reuse_port=reuse_port)]
    server = Server(app, limits)
    async with trio.open_nursery() as connections:
        async with trio.open_nursery() as accepting:
            for listener in listening:
                listener.setblocking(False)
                accepting.start_soon(server.accept, listener, connections)
            task_status.started([_port(listener) for listener in listening])
            await shutdown.wait()
            accepting.cancel_scope.cancel()
        server.drain()
        connections.cancel_scope.deadline = trio.current_time() + limits.grace_seconds


def _waiting(listening: socket.socket, count: int) -> Iterator[trio.SocketStream]:
    """Up to `count` connections that can be accepted without waiting."""
    with contextlib.suppress(
        OSError
    ):  # no connection is waiting; any other error recurs in the next accept(), which handles it
        for _ in range(count):
            accepted, _address = listening.accept()
            yield trio.SocketStream(trio.socket.from_stdlib_socket(accepted))


def _port(listening: socket.socket) -> int:
    name = listening.getsockname()
    return int(name[1]) if isinstance(name, tuple) else 0
