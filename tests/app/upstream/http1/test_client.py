"""The transport under a plain `httpx.AsyncClient`, as anyone who knows httpx would use it."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
import trio
from trio.testing import MockClock

from app.upstream.http1.transport import PoolLimits, TrioTransport
from tests.fakes.scripted_upstream import (
    Chunk,
    Close,
    Head,
    Request,
    Script,
    Send,
    Stall,
    WaitFor,
    json_answer,
    refused_port,
    serve,
)
from tests.support.upstream.transport_calls import CHUNKED, OK, always


async def test_requests_under_a_base_url_with_query_json_and_headers() -> None:
    async with serve(always(OK)) as upstream:
        client = httpx.AsyncClient(
            transport=TrioTransport(), base_url=upstream.base_url, headers={"x-all": "1"}, params={"v": "2"}
        )
        async with client:
            posted = await client.post("/chat", json={"a": 1})
            fetched = await client.get("models", headers={"x-one": "3"})
        assert [posted.status_code, posted.json(), posted.http_version] == [200, {"ok": True}, "HTTP/1.1"]
        assert posted.url == f"{upstream.base_url}/chat?v=2"
        assert fetched.request.method == "GET"
        post, get = upstream.requests
        assert (post.method, post.path, post.body) == ("POST", "/v1/chat?v=2", b'{"a":1}')
        assert (post.header("x-all"), post.header("content-type")) == ("1", "application/json")
        assert (get.method, get.path, get.header("x-one")) == ("GET", "/v1/models?v=2", "3")


async def test_consecutive_requests_share_a_connection_which_leaving_the_client_closes() -> None:
    transport = TrioTransport()
    async with serve(always(OK)) as upstream:
        async with httpx.AsyncClient(transport=transport, base_url=upstream.base_url) as client:
            for _ in range(3):
                await client.get("/x")
            assert (transport.leased_connections, transport.idle_connections) == (0, 1)
            assert upstream.open_connections == 1
        assert transport.idle_connections == 0
        await upstream.wait_until(lambda upstream: upstream.open_connections == 0)
        assert len(upstream.connections) == 1
        with pytest.raises(httpx.ConnectError, match="closed"):
            await transport.handle_async_request(httpx.Request("GET", upstream.base_url))


async def test_a_stream_arrives_line_by_line_while_it_is_sent() -> None:
    more = trio.Event()
    script: Script = [CHUNKED, Chunk(b"data: 1\n\n"), WaitFor(more), Chunk(b"data: 2\n\n"), Chunk(b"")]
    seen = []
    async with (
        serve(always(script)) as upstream,
        httpx.AsyncClient(transport=TrioTransport(), base_url=upstream.base_url) as client,
        client.stream("POST", "/responses", json={"stream": True}) as response,
    ):
        async for line in response.aiter_lines():
            if line:
                seen.append(line)
                more.set()
    assert seen == ["data: 1", "data: 2"]


async def test_leaving_a_stream_closes_its_connection_at_once() -> None:
    transport = TrioTransport()
    async with (
        serve(always([CHUNKED, Chunk(b"data: 1\n\n"), Stall()])) as upstream,
        httpx.AsyncClient(transport=transport, base_url=upstream.base_url) as client,
    ):
        async with client.stream("GET", "/x"):
            assert transport.leased_connections == 1
        assert (transport.leased_connections, transport.idle_connections) == (0, 0)
        await upstream.connections[0].closed.wait()


async def test_a_request_body_is_streamed() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async with (
        serve(always(OK)) as upstream,
        httpx.AsyncClient(transport=TrioTransport(), base_url=upstream.base_url) as client,
    ):
        await client.put("/file", content=parts())
        assert upstream.requests[0].body == b"one two"


async def test_the_client_decodes_and_follows_redirects_itself() -> None:
    packed = gzip.compress(b'{"packed": true}')
    moved = Head(307, (("location", "/v1/there"), ("content-length", "0")))
    head = Head(
        200,
        (
            ("content-encoding", "gzip"),
            ("content-type", "application/json"),
            ("content-length", str(len(packed))),
        ),
    )

    def choose(request: Request) -> Script:
        return [moved] if request.path == "/v1/here" else [head, Send(packed)]

    async with (
        serve(choose) as upstream,
        httpx.AsyncClient(transport=TrioTransport(), base_url=upstream.base_url, follow_redirects=True) as client,
    ):
        response = await client.get("/here")
        assert response.json() == {"packed": True}
        assert [earlier.status_code for earlier in response.history] == [307]


async def test_a_status_becomes_an_error_only_if_the_caller_wants_it() -> None:
    async with (
        serve(always(json_answer({"error": "no"}, status=429))) as upstream,
        httpx.AsyncClient(transport=TrioTransport(), base_url=upstream.base_url) as client,
    ):
        response = await client.get("/x")
        assert response.is_client_error
        with pytest.raises(httpx.HTTPStatusError):
            response.raise_for_status()


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ([Stall()], httpx.ReadTimeout),
        ([CHUNKED, Chunk(b"x"), Stall()], httpx.ReadTimeout),
        ([CHUNKED, Chunk(b"x"), Close()], httpx.RemoteProtocolError),
    ],
)
async def test_the_clients_timeout_and_a_broken_answer_are_httpx_errors(
    script: Script, error: type[Exception], jumping_clock: MockClock
) -> None:
    async with (
        serve(always(script)) as upstream,
        httpx.AsyncClient(transport=TrioTransport(), base_url=upstream.base_url, timeout=2.0) as client,
    ):
        with pytest.raises(error) as caught:
            await client.get("/x")
    assert isinstance(caught.value, httpx.TransportError)
    assert caught.value.request.url.path == "/v1/x"


async def test_a_full_pool_is_a_pool_timeout(jumping_clock: MockClock) -> None:
    transport = TrioTransport(limits=PoolLimits(connections_max=1))
    timeout = httpx.Timeout(30.0, pool=1.0)
    async with (
        serve(always([CHUNKED, Chunk(b"x"), Stall()])) as upstream,
        httpx.AsyncClient(transport=transport, base_url=upstream.base_url, timeout=timeout) as client,
        client.stream("GET", "/x"),
    ):
        with pytest.raises(httpx.PoolTimeout):
            await client.get("/y")


async def test_a_refused_connection_is_a_connect_error() -> None:
    async with httpx.AsyncClient(transport=TrioTransport()) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:{refused_port()}/")
