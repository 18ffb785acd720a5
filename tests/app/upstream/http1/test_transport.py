"""The transport against real sockets: errors, deadlines, cancellation, and what a caller passes in."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable

import httpx
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from app.upstream.http1.transport import AnswerMissing, PoolLimits
from tests.fakes.scripted_upstream import (
    Abort,
    Chunk,
    Close,
    HalfClose,
    Script,
    Send,
    Signal,
    Stall,
    WaitFor,
    event_stream,
    refused_port,
    serve,
)
from tests.support.upstream.transport_calls import (
    CHUNKED,
    OK,
    MakeTransport,
    always,
    call,
    open_stream,
    read_all,
    request_to,
)

# What a peer does wrong

MANY = b"".join(b"x-%d: y\r\n" % number for number in range(300))
LARGE = b"x-large: " + b"y" * 70_000 + b"\r\n"
PROTOCOL_ERRORS = [
    pytest.param([Close()], "without sending", id="no-answer"),
    pytest.param([Send(b"HTTP/1.1 200 OK\r\ncontent-le"), Close()], "response head", id="end-in-head"),
    pytest.param([Send(b"SSH-2.0-OpenSSH\r\n")], "Malformed", id="garbage"),
    pytest.param(
        [Send(b"HTTP/1.1 101 Switch\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")], "101|switched", id="upgrade"
    ),
    pytest.param([Send(b"HTTP/1.1 200 OK\r\n" + MANY + b"\r\n")], "too many headers", id="header-count"),
    pytest.param([Send(b"HTTP/1.1 200 OK\r\n" + LARGE + b"\r\n")], "too large|too many bytes", id="header-bytes"),
    pytest.param([Send(b"HTTP/1.1 200 OK\r\n" + LARGE * 3)], "too large|too many bytes", id="endless-head"),
    pytest.param([Send(b"HTTP/1.1 102 Wait\r\n\r\n" * 5000)], "too many bytes", id="endless-informational"),
    pytest.param([Send(b"HTTP/1.1 200 OK\r\ncontent-length: ten\r\n\r\n")], "Malformed", id="content-length"),
    pytest.param([Send(b"HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n")], "Malformed", id="nul-in-header"),
]


@pytest.mark.parametrize(("script", "says"), PROTOCOL_ERRORS)
async def test_an_answer_that_makes_no_sense_is_a_protocol_error(
    make_transport: MakeTransport, script: Script, says: str
) -> None:
    async with serve(always(script)) as upstream:
        transport = make_transport()
        with pytest.raises(httpx.RemoteProtocolError, match=says):
            await transport.handle_async_request(request_to(upstream))
        assert (transport.leased_connections, transport.idle_connections) == (0, 0)


CHUNKED_HALF: Script = [CHUNKED, Chunk(b"half")]
BROKEN_BODIES = [
    pytest.param([Send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")], [Close()], id="content-length"),
    pytest.param(CHUNKED_HALF, [Close()], id="between-chunks"),
    pytest.param([CHUNKED, Send(b"a\r\nhalf")], [HalfClose(), Stall()], id="inside-a-chunk"),
    pytest.param(CHUNKED_HALF, [Send(b"zz\r\n")], id="bad-chunk-size"),
    pytest.param(CHUNKED_HALF, [Send(b"1;" + b"x" * 200_000)], id="endless-chunk-extension"),
    pytest.param(CHUNKED_HALF, [Send(b"0\r\nT: " + b"x" * 200_000)], id="endless-trailer"),
]


@pytest.mark.parametrize(("start", "end"), BROKEN_BODIES)
async def test_an_early_or_senseless_end_of_a_body_is_a_protocol_error(
    make_transport: MakeTransport, start: Script, end: Script
) -> None:
    received = trio.Event()
    async with serve(always([*start, WaitFor(received), *end])) as upstream:
        transport = make_transport()
        stream = await open_stream(transport, request_to(upstream))
        assert await stream.receive() == b"half"
        received.set()
        with pytest.raises(httpx.RemoteProtocolError):
            await read_all(stream)
        assert (transport.leased_connections, transport.idle_connections) == (0, 0)
        with pytest.raises(httpx.StreamClosed):
            await stream.receive()


async def test_a_reset_before_the_answer_is_a_read_error(make_transport: MakeTransport) -> None:
    async with serve(always([Abort()])) as upstream:
        with pytest.raises((httpx.ReadError, AnswerMissing)):
            await make_transport().handle_async_request(request_to(upstream))


async def test_a_reset_inside_the_body_is_a_read_error(make_transport: MakeTransport) -> None:
    reset = trio.Event()
    async with serve(always([CHUNKED, Chunk(b"half"), WaitFor(reset), Abort()])) as upstream:
        stream = await open_stream(make_transport(), request_to(upstream))
        assert await stream.receive() == b"half"
        reset.set()
        with pytest.raises(httpx.ReadError):
            await stream.receive()


async def test_nothing_listening_is_a_connect_error(make_transport: MakeTransport) -> None:
    with pytest.raises(httpx.ConnectError):
        await make_transport().handle_async_request(httpx.Request("GET", f"http://127.0.0.1:{refused_port()}/"))


async def test_a_refusal_before_the_body_was_read_is_still_an_answer(make_transport: MakeTransport) -> None:
    async with serve(always(OK)) as upstream:
        early: Script = [Send(b"HTTP/1.1 413 Large\r\ncontent-length: 3\r\n\r\nbig"), HalfClose(), Stall()]
        upstream.early = always(early)
        transport = make_transport()
        assert await call(transport, upstream, body=b"x" * 3_000_000) == (413, b"big")
        assert transport.leased_connections == 0


# Deadlines


async def test_silence_before_the_head_is_a_read_timeout(
    make_transport: MakeTransport, jumping_clock: MockClock
) -> None:
    async with serve(always([Stall()])) as upstream:
        transport = make_transport()
        began = trio.current_time()
        with pytest.raises(httpx.ReadTimeout):
            await transport.handle_async_request(request_to(upstream, read=120.0))
        assert 120 <= trio.current_time() - began < 121
        assert transport.leased_connections == 0
        await upstream.connections[0].closed.wait()


async def test_silence_inside_the_body_is_a_read_timeout(
    make_transport: MakeTransport, jumping_clock: MockClock
) -> None:
    async with serve(always([CHUNKED, Chunk(b"half"), Stall()])) as upstream:
        stream = await open_stream(make_transport(), request_to(upstream))
        assert await stream.receive() == b"half"
        stream.read_timeout = 60
        began = trio.current_time()
        with pytest.raises(httpx.ReadTimeout):
            await stream.receive()
        assert 60 <= trio.current_time() - began < 61
        await upstream.connections[0].closed.wait()


async def test_a_peer_that_takes_no_bytes_is_a_write_timeout(
    make_transport: MakeTransport, jumping_clock: MockClock
) -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")  # connects, and never reads
    port = listeners[0].socket.getsockname()[1]
    request = httpx.Request(
        "POST", f"http://127.0.0.1:{port}/", content=b"x" * 30_000_000, extensions={"timeout": {"write": 7.0}}
    )
    transport = make_transport()
    with pytest.raises(httpx.WriteTimeout):
        await transport.handle_async_request(request)
    assert transport.leased_connections == 0
    await listeners[0].aclose()


async def test_a_tls_handshake_that_hangs_is_a_connect_timeout(
    make_transport: MakeTransport, jumping_clock: MockClock
) -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    request = httpx.Request("GET", f"https://127.0.0.1:{port}/", extensions={"timeout": {"connect": 3.0}})
    transport = make_transport()
    with pytest.raises(httpx.ConnectTimeout):
        await transport.handle_async_request(request)
    assert transport.leased_connections == 0
    await listeners[0].aclose()


async def test_a_full_pool_is_a_pool_timeout(make_transport: MakeTransport, jumping_clock: MockClock) -> None:
    async with serve(always([CHUNKED, Stall()])) as upstream:
        transport = make_transport(limits=PoolLimits(connections_max=1))
        stream = await open_stream(transport, request_to(upstream))
        with pytest.raises(httpx.PoolTimeout):
            await transport.handle_async_request(request_to(upstream, pool=2.0))
        await stream.aclose()
        assert transport.leased_connections == 0


# Leaving early


async def test_closing_an_open_answer_closes_its_connection_at_once(make_transport: MakeTransport) -> None:
    async with serve(always([CHUNKED, Chunk(b"part"), Stall()])) as upstream:
        transport = make_transport()
        stream = await open_stream(transport, request_to(upstream))
        assert await stream.receive() == b"part"
        await stream.aclose()
        await stream.aclose()
        await upstream.connections[0].closed.wait()
        assert (transport.leased_connections, transport.idle_connections) == (0, 0)


async def test_closing_wakes_a_task_that_is_reading(make_transport: MakeTransport) -> None:
    async with serve(always([CHUNKED, Stall()])) as upstream:
        stream = await open_stream(make_transport(), request_to(upstream))

        async def read() -> None:
            with pytest.raises(httpx.ReadError):
                await stream.receive()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            await stream.aclose()


@pytest.mark.parametrize("reached", ["connecting", "head", "body"])
async def test_cancelling_a_call_closes_its_connection(make_transport: MakeTransport, reached: str) -> None:
    asked = trio.Event()
    scripts: dict[str, Script] = {
        "connecting": [Stall()],
        "head": [Signal(asked), Stall()],
        "body": [CHUNKED, Chunk(b"part"), Signal(asked), Stall()],
    }
    async with serve(always(scripts[reached])) as upstream:
        transport = make_transport()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call, transport, upstream)
            if reached != "connecting":
                await asked.wait()
            nursery.cancel_scope.cancel()
        assert (transport.leased_connections, transport.idle_connections) == (0, 0)
        await upstream.wait_until(lambda up: up.open_connections == 0)


@pytest.mark.parametrize("seed", range(4))
async def test_cancelling_at_random_points_leaks_nothing(make_transport: MakeTransport, seed: int) -> None:
    choices = random.Random(seed)
    async with serve(always(event_stream([b"data: x\n\n"] * 6))) as upstream:
        transport = make_transport(limits=PoolLimits(connections_max=4, keepalive_max=2))

        async def cancelled_after(checkpoints: int) -> None:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(call, transport, upstream)
                    for _ in range(checkpoints):
                        await trio.lowlevel.checkpoint()
                    scope.cancel()

        async with trio.open_nursery() as nursery:
            for _ in range(60):
                nursery.start_soon(cancelled_after, choices.randrange(60))
        assert transport.leased_connections == 0
        kept = transport.idle_connections
        assert kept <= 2
        await upstream.wait_until(lambda up: up.open_connections <= kept)
        status, body = await call(transport, upstream)
        assert (status, body) == (200, b"data: x\n\n" * 6)


# What a caller passes in


async def test_it_serves_under_an_ordinary_httpx_client(make_transport: MakeTransport) -> None:
    async with serve(always(OK)) as upstream, httpx.AsyncClient(transport=make_transport()) as client:
        response = await client.post(upstream.base_url + "/x?q=1", json={"a": 1}, headers={"x-mine": "yes"})
        assert response.json() == {"ok": True}
        (request,) = upstream.requests
        assert (request.method, request.path, request.body) == ("POST", "/v1/x?q=1", b'{"a":1}')
        assert request.header("x-mine") == "yes"
        assert request.header("host") == f"127.0.0.1:{upstream.port}"


class Parts(httpx.AsyncByteStream):
    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for part in self._parts:
            return part
        raise StopAsyncIteration


async def test_a_body_from_a_generator_goes_out_chunked(make_transport: MakeTransport) -> None:
    async with serve(always(OK)) as upstream, httpx.AsyncClient(transport=make_transport()) as client:
        await client.post(upstream.base_url, content=Parts([b"one", b"", b"two"]))
        (request,) = upstream.requests
        assert request.body == b"onetwo"
        assert request.header("transfer-encoding") == "chunked"


async def test_a_bare_request_gets_host_and_length(make_transport: MakeTransport) -> None:
    async with serve(always(OK)) as upstream:
        bare = httpx.Request("POST", upstream.base_url, stream=httpx.ByteStream(b"abc"))
        await read_all(await open_stream(make_transport(), bare))
        (request,) = upstream.requests
        assert request.body == b"abc"
        assert request.headers == (("Host", f"127.0.0.1:{upstream.port}"), ("Content-Length", "3"))


@pytest.mark.parametrize("value", ["a\r\nevil: 1", "a\nb", "a\rb", "a\0b"])
async def test_a_header_cannot_break_out_of_its_line(make_transport: MakeTransport, value: str) -> None:
    async with serve(always(OK)) as upstream:
        request = httpx.Request("GET", upstream.base_url, headers={"x": value})
        with pytest.raises(httpx.LocalProtocolError):
            await make_transport().handle_async_request(request)
        assert upstream.connections == []


@pytest.mark.parametrize("length", ["2", "9", "-3", "3, 3"])
async def test_a_wrong_content_length_is_refused(make_transport: MakeTransport, length: str) -> None:
    async with serve(always(OK)) as upstream:
        for body in (httpx.ByteStream(b"abc"), Parts([b"abc"])):
            request = httpx.Request("POST", upstream.base_url, headers={"content-length": length}, stream=body)
            transport = make_transport()
            with pytest.raises(httpx.LocalProtocolError):
                await transport.handle_async_request(request)
            assert transport.leased_connections == 0


async def test_other_schemes_are_refused(make_transport: MakeTransport) -> None:
    with pytest.raises(httpx.UnsupportedProtocol):
        await make_transport().handle_async_request(httpx.Request("GET", "ftp://127.0.0.1/"))
