"""The upstreams that the settings name, over one connection pool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from app.settings import Settings, UpstreamSettings
from app.upstream.base import Upstream
from app.upstream.http import HttpUpstream, UpstreamTimeouts
from app.upstream.http1.transport import PoolLimits, TrioTransport
from app.upstream.simulator import SimulatorUpstream

SPARE_CONNECTIONS = 16
"""In addition to one for each running request."""


@asynccontextmanager
async def open_upstreams(settings: Settings) -> AsyncIterator[dict[str, Upstream]]:
    """By name. Nothing is connected yet; on leaving, the pool is closed."""
    transport = TrioTransport(limits=PoolLimits(connections_max=settings.limits.concurrency + SPARE_CONNECTIONS))
    try:
        yield {upstream.name: _upstream(upstream, settings, transport) for upstream in settings.upstreams}
    finally:
        with trio.CancelScope(shield=True):
            await transport.aclose()


def _upstream(upstream: UpstreamSettings, settings: Settings, transport: TrioTransport) -> Upstream:
    if upstream.protocol == "simulator":
        return SimulatorUpstream(upstream.name, pace_seconds=upstream.pace)
    limits = settings.limits
    return HttpUpstream(
        upstream.name,
        upstream.base_url,
        upstream.api_key.reveal(),
        transport=transport,
        protocol=upstream.protocol,
        # No idle timeout: a completion moves its own deadline.
        timeouts=UpstreamTimeouts(connect=limits.connect, first_byte=limits.first_byte, idle=None),
        allow_insecure=upstream.allow_insecure,
    )
