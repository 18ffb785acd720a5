"""The transport against real sockets: framing, errors, deadlines, the pool, cancellation and TLS."""

from __future__ import annotations

import random
import ssl
from collections.abc import AsyncIterator, Callable, Iterable

import httpx
import pytest
import trio
import trio.testing
import trustme
from trio.testing import MockClock

from app.upstream.transport import AnswerMissing, AnswerStream, PoolLimits, TrioTransport
from tests.fakes.scripted_upstream import (
    Abort,
    Chunk,
    Close,
    HalfClose,
    Head,
    Request,
    Script,
    ScriptedUpstream,
    Send,
    Signal,
    Stall,
    Step,
    WaitFor,
    event_stream,
    json_answer,
    refused_port,
    serve,
)
from tests.fakes.upstream_script import Peer

OK = json_answer({"ok": True})
OK_BODY = b'{"ok":true}'
CHUNKED = Head(200, (("transfer-encoding", "chunked"),))
TIMEOUTS = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}


def always(script: Script) -> Callable[[Request], Script]:
    return lambda request: script


def raw(data: bytes) -> Script:
    return [Send(data)]


def request_to(
    upstream: ScriptedUpstream, *, method: str = "POST", body: bytes = b"{}", **timeouts: float | None
) -> httpx.Request:
    extensions = {"timeout": {**TIMEOUTS, **timeouts}}
    return httpx.Request(method, upstream.base_url + "/x", content=body, extensions=extensions)


async def call(
    transport: TrioTransport, upstream: ScriptedUpstream, *, method: str = "POST", body: bytes = b"{}"
) -> tuple[int, bytes]:
    response = await transport.handle_async_request(request_to(upstream, method=method, body=body))
    assert isinstance(response.stream, AnswerStream)
    return response.status_code, await read_all(response.stream)


async def open_stream(transport: TrioTransport, request: httpx.Request) -> AnswerStream:
    response = await transport.handle_async_request(request)
    assert isinstance(response.stream, AnswerStream)
    return response.stream


async def read_all(stream: AnswerStream) -> bytes:
    return b"".join([data async for data in stream])


MakeTransport = Callable[..., TrioTransport]


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
    """Jumps only when nothing has happened for a while, so that bytes on their way over loopback still arrive first."""
    return MockClock(autojump_threshold=0.05)


# Framing


BODIES = [
    pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", b"hello", True, id="content-length"),
    pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"", True, id="content-length-0"),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: t\r\n\r\n",
        b"hello",
        True,
        id="chunked-with-extension-and-trailer",
    ),
    pytest.param(b"HTTP/1.1 204 No\r\n\r\n", b"", True, id="204"),
    pytest.param(b"HTTP/1.1 304 No\r\ncontent-length: 9\r\n\r\n", b"", True, id="304"),
    pytest.param(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n"
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"ok",
        True,
        id="informational-first",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", b"ok", False, id="connection-close"
    ),
    pytest.param(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok", False, id="http-1.0"),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nUpgrade: h2\r\nConnection: Upgrade, keep-alive\r\ncontent-length: 2\r\n\r\nok",
        b"ok",
        True,
        id="upgrade-offered",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
        b"ok",
        False,
        id="bytes-after-the-end",
    ),
]


@pytest.mark.parametrize(("answer", "body", "kept"), BODIES)
async def test_a_framed_body_is_read_to_its_end_and_the_connection_kept_when_it_may(
    make_transport: MakeTransport, answer: bytes, body: bytes, kept: bool
) -> None:
    async with serve(always(raw(answer))) as upstream:
        transport = make_transport()
        _, received = await call(transport, upstream)
        assert received == body
        assert (transport.leased_connections, transport.idle_connections) == (0, int(kept))
        if not kept:
            await upstream.connections[0].closed.wait()


class Piece:
    """Sends one piece, then waits until the reader has had a chance to take it."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def run(self, peer: Peer) -> None:
        await peer.send(self.data)
        await trio.testing.wait_all_tasks_blocked()


@pytest.mark.parametrize("seed", range(8))
async def test_cuts_anywhere_in_a_chunked_answer_change_nothing(make_transport: MakeTransport, seed: int) -> None:
    cuts = random.Random(seed)
    body = cuts.randbytes(3000)
    frames, rest = [], body
    while rest:
        size = cuts.randint(1, 400)
        frames.append(b"%x\r\n%s\r\n" % (len(rest[:size]), rest[:size]))
        rest = rest[size:]
    whole = b"HTTP/1.1 200 OK\r\nX-A: b\r\ntransfer-encoding: chunked\r\n\r\n" + b"".join(frames) + b"0\r\n\r\n"

    pieces: list[Step] = []
    rest = whole
    while rest:
        size = cuts.choice((1, 2, 7, 50, 300))
        pieces.append(Piece(rest[:size]))
        rest = rest[size:]
    async with serve(always(pieces)) as upstream:
        transport = make_transport()
        stream = await open_stream(transport, request_to(upstream))
        arrived = [data async for data in stream]
    assert b"".join(arrived) == body
    assert len(arrived) > 5
    assert transport.idle_connections == 1


async def test_a_body_without_framing_ends_with_the_connection(make_transport: MakeTransport) -> None:
    async with serve(always([Send(b"HTTP/1.1 200 OK\r\n\r\nall of it"), Close()])) as upstream:
        transport = make_transport()
        assert await call(transport, upstream) == (200, b"all of it")
        assert (transport.leased_connections, transport.idle_connections) == (0, 0)


async def test_an_answer_to_head_has_no_body_whatever_it_says(make_transport: MakeTransport) -> None:
    async with serve(always(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"))) as upstream:
        transport = make_transport()
        assert await call(transport, upstream, method="HEAD", body=b"") == (200, b"")
        assert transport.leased_connections == 0


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
    pytest.param([Send(b"HTTP/1.1 200 OK\r\n" + LARGE + b"\r\n")], "too large|Too many bytes", id="header-bytes"),
    pytest.param([Send(b"HTTP/1.1 200 OK\r\n" + LARGE * 3)], "too large|Too many bytes", id="endless-head"),
    pytest.param([Send(b"HTTP/1.1 102 Wait\r\n\r\n" * 5000)], "Too many bytes", id="endless-informational"),
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


BROKEN_BODIES = [
    pytest.param([Send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"), Close()], id="content-length"),
    pytest.param([CHUNKED, Chunk(b"half"), Close()], id="between-chunks"),
    pytest.param([CHUNKED, Send(b"a\r\nhalf"), HalfClose(), Stall()], id="inside-a-chunk"),
    pytest.param([CHUNKED, Chunk(b"half"), Send(b"zz\r\n")], id="bad-chunk-size"),
    pytest.param([CHUNKED, Chunk(b"half"), Send(b"1;" + b"x" * 200_000)], id="endless-chunk-extension"),
    pytest.param([CHUNKED, Chunk(b"half"), Send(b"0\r\nT: " + b"x" * 200_000)], id="endless-trailer"),
]


@pytest.mark.parametrize("script", BROKEN_BODIES)
async def test_an_early_or_senseless_end_of_a_body_is_a_protocol_error(
    make_transport: MakeTransport, script: Script
) -> None:
    async with serve(always(script)) as upstream:
        transport = make_transport()
        stream = await open_stream(transport, request_to(upstream))
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


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture
def client_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_tls_carries_calls_and_keeps_its_connection(
    make_transport: MakeTransport, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    body = b"x" * 1_000_000
    async with serve(always(OK), ssl_context=server_context) as upstream:
        transport = make_transport(ssl_context=client_context)
        for _ in range(3):
            assert await call(transport, upstream, body=body) == (200, OK_BODY)
        assert len(upstream.connections) == 1
        assert [request.body for request in upstream.requests] == [body] * 3


async def test_tls_streams_and_closes_at_once(
    make_transport: MakeTransport, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    async with serve(always([CHUNKED, Chunk(b"part"), Stall()]), ssl_context=server_context) as upstream:
        transport = make_transport(ssl_context=client_context)
        stream = await open_stream(transport, request_to(upstream))
        assert await stream.receive() == b"part"
        await stream.aclose()
        await upstream.connections[0].closed.wait()
        assert transport.leased_connections == 0


async def test_a_tls_stream_cut_without_a_farewell_is_a_protocol_error(
    make_transport: MakeTransport, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    async with serve(always([CHUNKED, Chunk(b"half"), Close()]), ssl_context=server_context) as upstream:
        stream = await open_stream(make_transport(ssl_context=client_context), request_to(upstream))
        with pytest.raises(httpx.RemoteProtocolError):
            await read_all(stream)


async def test_an_unknown_authority_is_a_connect_error(
    make_transport: MakeTransport, server_context: ssl.SSLContext
) -> None:
    async with serve(always(OK), ssl_context=server_context) as upstream:
        transport = make_transport()
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await transport.handle_async_request(request_to(upstream))
        assert transport.leased_connections == 0


async def test_a_certificate_for_another_host_is_a_connect_error(
    make_transport: MakeTransport, authority: trustme.CA, client_context: ssl.SSLContext
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    async with serve(always(OK), ssl_context=context) as upstream:
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await make_transport(ssl_context=client_context).handle_async_request(request_to(upstream))
