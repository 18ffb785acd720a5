"""Framing of answers over real sockets, cut anywhere."""

from __future__ import annotations

import random

import pytest
import trio
import trio.testing

from tests.fakes.scripted_upstream import (
    Close,
    Send,
    Step,
    serve,
)
from tests.fakes.upstream_script import Peer
from tests.support.upstream.transport_calls import (
    MakeTransport,
    always,
    call,
    open_stream,
    raw,
    request_to,
)

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
