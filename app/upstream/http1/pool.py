"""The connection pool of all origins.

Rule 1: a slot is taken before a connection is looked up or opened, and released exactly once, whatever happens in between.
Rule 2: leased and idle connections together never exceed `connections_max`; idle ones are closed to make room.
Rule 3: an idle connection that the peer closed, or that received unsolicited bytes, is closed instead of used.
Rule 4: waiters are served in order of arrival.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import httpx
import trio

from app.upstream.http1.connection import Origin, UpstreamConnection, connect, deadline_after


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """`keepalive_expiry` is in seconds. Expired connections are closed when their origin is next used."""

    connections_max: int = 1000
    keepalive_max: int = 200
    keepalive_expiry: float = 30.0

    def __post_init__(self) -> None:
        if self.connections_max < 1 or self.keepalive_max < 0 or self.keepalive_expiry < 0:
            raise ValueError("A pool needs room for at least one connection; no limit may be negative.")


class Pool:
    def __init__(self, limits: PoolLimits, ssl_context: ssl.SSLContext) -> None:
        self._limits = limits
        self._ssl_context = ssl_context
        self._slots = trio.Semaphore(limits.connections_max, max_value=limits.connections_max)
        self._idle: dict[Origin, list[UpstreamConnection]] = {}
        self._idle_count = 0
        self._closed = False

    @property
    def leased(self) -> int:
        return self._limits.connections_max - self._slots.value

    @property
    def idle(self) -> int:
        return self._idle_count

    async def acquire(
        self, origin: Origin, *, pool_timeout: float | None, connect_timeout: float | None
    ) -> UpstreamConnection:
        """A connection to `origin`; the caller gives it back. Raises httpx.PoolTimeout, ConnectTimeout or ConnectError."""
        await self._take_slot(pool_timeout)
        try:
            if self._closed:
                raise httpx.ConnectError("The transport is closed.")
            kept = self._pop_idle(origin)
            if kept is not None:
                return kept
            if self.leased + self._idle_count > self._limits.connections_max:
                self._drop_oldest_idle()
            return await connect(origin, self._ssl_context, connect_timeout)
        except BaseException:
            self._slots.release()
            raise

    def give_back(self, connection: UpstreamConnection, *, reusable: bool) -> None:
        """Keep `connection` for the next call or close it, and release its slot."""
        if reusable and not self._closed and self._limits.keepalive_max > 0:
            self._keep(connection)
        else:
            connection.close()
        self._slots.release()

    def close(self) -> None:
        """Close idle connections now, and leased ones when they are given back."""
        self._closed = True
        while self._idle_count:
            self._drop_oldest_idle()

    async def _take_slot(self, pool_timeout: float | None) -> None:
        try:
            self._slots.acquire_nowait()
            return
        except trio.WouldBlock:
            pass
        with trio.CancelScope(deadline=deadline_after(pool_timeout)):
            await self._slots.acquire()
            return
        raise httpx.PoolTimeout(f"No connection became free within {pool_timeout:g} s.")

    def _pop_idle(self, origin: Origin) -> UpstreamConnection | None:
        """The most recently used live connection, so that the others can expire."""
        kept = self._idle.get(origin)
        if kept is None:
            return None
        self._drop_expired(kept)
        while kept:
            connection = kept.pop()
            self._idle_count -= 1
            if not connection.is_stale():
                return connection
            connection.close()
        del self._idle[origin]
        return None

    def _keep(self, connection: UpstreamConnection) -> None:
        connection.idle_since = trio.current_time()
        kept = self._idle.setdefault(connection.origin, [])
        self._drop_expired(kept)
        if self._idle_count >= self._limits.keepalive_max:
            self._drop_oldest_idle()
            kept = self._idle.setdefault(connection.origin, [])
        kept.append(connection)
        self._idle_count += 1

    def _drop_expired(self, kept: list[UpstreamConnection]) -> None:
        if not kept:
            return
        horizon = trio.current_time() - self._limits.keepalive_expiry
        expired = 0
        while expired < len(kept) and kept[expired].idle_since < horizon:
            kept[expired].close()
            expired += 1
        if expired:
            del kept[:expired]
            self._idle_count -= expired

    def _drop_oldest_idle(self) -> None:
        origin, kept = min(
            ((origin, kept) for origin, kept in self._idle.items() if kept), key=lambda item: item[1][0].idle_since
        )
        kept.pop(0).close()
        self._idle_count -= 1
        if not kept:
            del self._idle[origin]
