"""Fixtures of the upstream tests."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import pytest
from trio.testing import MockClock

from app.upstream.http1.transport import PoolLimits, TrioTransport
from tests.support.upstream.transport_calls import (
    MakeTransport,
)


@pytest.fixture
async def make_transport() -> AsyncIterator[MakeTransport]:
    """Transports that are closed when the test is over."""
    made: list[TrioTransport] = []

    def make(*, limits: PoolLimits | None = None, ssl_context: ssl.SSLContext | None = None) -> TrioTransport:
        made.append(TrioTransport(limits=limits, ssl_context=ssl_context))
        return made[-1]

    yield make
    for transport in made:
        await transport.aclose()


@pytest.fixture
def jumping_clock() -> MockClock:
    """Jumps only after a short pause, so that bytes in flight over loopback arrive first."""
    return MockClock(autojump_threshold=0.05)
