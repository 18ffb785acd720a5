"""Bodies whose declared size is absurd are refused before their bytes arrive."""

from __future__ import annotations

import pytest
import trio

from tests.support.edge.api import Api
from tests.support.edge.world import everything, until
from tests.support.gateway.processes import PATIENCE_SECONDS

CHUNKED = b"POST /v1/%b HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("route", [b"responses", b"upload"])
@pytest.mark.parametrize(
    "body",
    [
        b"FFFFFFFFFFFFFFFF\r\n",
        b"ffffffffffffffffffff\r\n{",
        b"7FFFFFFF;name=value\r\n",
        b"1389 \r\nabc",
        b"3\r\nabc\r\n1386\r\n",
        b"3\r\nabc\r\nFFFFFFFF\r\nabc",
    ],
)
async def test_a_chunk_past_the_limit_is_413_before_its_bytes_arrive(api: Api, route: bytes, body: bytes) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", api.port) as stream:
        with trio.fail_after(PATIENCE_SECONDS):
            await stream.send_all(CHUNKED % route + body)
            answer = await everything(stream)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer
    assert b"request_too_large" in answer
    assert api.budget.held_bytes == 0


@pytest.mark.parametrize(
    "body",
    [
        b"FFFFFFFFFFFFFFFFFFFFF",
        b"-1\r\n",
        b"-1",
        b" 5",
        b"5\nhello",
        b"+5",
        b"0x5",
        b"5 5\r\n",
        b"5 ;a=b\r\nhello\r\n",
        b";a=b",
        b"\r\n",
        b"3\r\nabcde\r\n",
        b"3\r\nabc\r\nzz",
    ],
)
async def test_a_size_line_that_cannot_become_valid_is_400_at_once(api: Api, body: bytes) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", api.port) as stream:
        with trio.fail_after(PATIENCE_SECONDS):
            await stream.send_all(CHUNKED % b"responses" + body)
            answer = await everything(stream)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"bad_http" in answer


async def test_chunks_in_any_valid_spelling_are_read_byte_by_byte(api: Api) -> None:
    body = b"3;a=b\r\n[1,\r\n00000000000000000002 \t\r\n2]\r\n0;x\r\ntrailer: t\r\n\r\n"
    async with await trio.open_tcp_stream("127.0.0.1", api.port) as stream:
        with trio.fail_after(PATIENCE_SECONDS):
            for byte in CHUNKED % b"responses" + body:
                await stream.send_all(bytes([byte]))
            assert (await until(stream, b"[1,2]")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (b"18446744073709551615", 413),
        (b"99999999999999999999", 413),
        (b"5001", 413),
        (b"999999999999999999999", 400),
        (b"-1", 400),
        (b"+5", 400),
        (b"0x5", 400),
        (b"5, 6", 400),
        (b"1e3", 400),
    ],
)
async def test_an_absurd_content_length_is_refused_at_once(api: Api, length: bytes, status: int) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", api.port) as stream:
        with trio.fail_after(PATIENCE_SECONDS):
            await stream.send_all(b"POST /v1/responses HTTP/1.1\r\nhost: h\r\ncontent-length: %b\r\n\r\n{" % length)
            assert (await everything(stream)).startswith(b"HTTP/1.1 %d" % status)
