"""Which connections are kept, used again, dropped and waited for."""

from __future__ import annotations

import httpx
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from app.upstream.http1.transport import PoolLimits
from tests.fakes.scripted_upstream import (
    Close,
    Request,
    Script,
    Send,
    WaitFor,
    serve,
)
from tests.support.upstream.transport_calls import (
    OK,
    OK_BODY,
    MakeTransport,
    always,
    call,
    request_to,
)

# The pool


async def test_connections_are_used_again(make_transport: MakeTransport) -> None:
    async with serve(always(OK)) as upstream:
        transport = make_transport()
        for _ in range(5):
            assert await call(transport, upstream) == (200, OK_BODY)
        assert len(upstream.connections) == 1


async def test_a_connection_closed_while_idle_is_not_used(make_transport: MakeTransport) -> None:
    async with serve(always([*OK, Close()])) as upstream:
        transport = make_transport()
        for _ in range(3):
            assert await call(transport, upstream) == (200, OK_BODY)
            await upstream.wait_until(lambda up: up.open_connections == 0)
        assert len(upstream.connections) == 3


async def test_a_connection_that_spoke_unasked_while_idle_is_not_used(make_transport: MakeTransport) -> None:
    unasked = trio.Event()
    script: Script = [*OK, WaitFor(unasked), Send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")]
    async with serve(always(script)) as upstream:
        transport = make_transport()
        assert await call(transport, upstream) == (200, OK_BODY)
        unasked.set()
        await trio.testing.wait_all_tasks_blocked()
        assert await call(transport, upstream) == (200, OK_BODY)
        assert len(upstream.connections) == 2


async def test_an_expired_connection_is_not_used(make_transport: MakeTransport, jumping_clock: MockClock) -> None:
    async with serve(always(OK)) as upstream:
        transport = make_transport(limits=PoolLimits(keepalive_expiry=10))
        await call(transport, upstream)
        jumping_clock.jump(11)
        await call(transport, upstream)
        assert len(upstream.connections) == 2
        assert transport.idle_connections == 1


async def test_200_calls_at_once_stay_within_the_limits(make_transport: MakeTransport) -> None:
    most = 0

    def choose(request: Request) -> Script:
        nonlocal most
        most = max(most, upstream.open_connections)
        return OK

    async with serve(choose) as upstream:
        transport = make_transport(limits=PoolLimits(connections_max=20, keepalive_max=5))
        async with trio.open_nursery() as nursery:
            for _ in range(200):
                nursery.start_soon(call, transport, upstream)
        assert len(upstream.requests) == 200
        assert 1 < most <= 20
        assert transport.leased_connections == 0
        assert 1 <= transport.idle_connections <= 5


async def test_an_idle_connection_of_another_origin_makes_room(make_transport: MakeTransport) -> None:
    async with serve(always(OK)) as first, serve(always(OK)) as second:
        transport = make_transport(limits=PoolLimits(connections_max=1))
        await call(transport, first)
        await call(transport, second)
        await first.connections[0].closed.wait()
        assert transport.idle_connections == 1


async def test_closing_the_transport_closes_idle_connections_and_refuses_calls(make_transport: MakeTransport) -> None:
    async with serve(always(OK)) as upstream:
        transport = make_transport()
        await call(transport, upstream)
        await transport.aclose()
        await upstream.connections[0].closed.wait()
        with pytest.raises(httpx.ConnectError):
            await transport.handle_async_request(request_to(upstream))
        assert (transport.leased_connections, transport.idle_connections) == (0, 0)
