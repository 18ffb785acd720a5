"""TLS with an authority of the test's own."""

from __future__ import annotations

import ssl

import httpx
import pytest
import trustme

from tests.fakes.scripted_upstream import (
    Chunk,
    Close,
    Stall,
    serve,
)
from tests.support.upstream.transport_calls import (
    CHUNKED,
    OK,
    OK_BODY,
    MakeTransport,
    always,
    call,
    open_stream,
    read_all,
    request_to,
)

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
