"""Sizes that a server declares and never sends, and chunks cut anywhere."""

from __future__ import annotations

import httpx
import pytest

from app.upstream.http1.chunks import CHUNK_BYTES_MAX
from app.upstream.http1.parser import AnswerParser

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
MOST = b"%x" % CHUNK_BYTES_MAX


def fed(*parts: bytes) -> AnswerParser:
    parser = AnswerParser()
    for part in parts:
        parser.feed(part)
    return parser


def each_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize(
    "chunks",
    [
        b"FFFFFFFFFFFFFFFF\r\n",
        b"FFFFFFFFFFFFFFFFFF\r\n",
        b"10000001\r\n",
        b"7fffffff;name=value\r\ndata: ",
        b"5\r\nhello\r\nFFFFFFFF\r\n",
        b"-5\r\n",
        b"zz\r\n",
    ],
)
def test_an_absurd_size_is_a_broken_answer_at_once(chunks: bytes) -> None:
    for parts in ([HEAD + chunks], [HEAD, chunks], each_byte(HEAD + chunks)):
        with pytest.raises(httpx.RemoteProtocolError, match="Malformed answer"):
            fed(*parts)


def test_the_largest_size_is_waited_for() -> None:
    parser = fed(HEAD, MOST + b"\r\nfirst")
    assert (parser.take(), parser.complete) == (b"first", False)


def test_chunks_are_read_wherever_they_are_cut() -> None:
    data = HEAD + b"3;a=b\r\nabc\r\n0A\r\n\r\nFFFFFFF\n\r\n00000001\r\nz\r\n0\r\nFFFFFFFF: t\r\n\r\n"
    for cut in range(len(data)):
        parser = fed(data[:cut], data[cut:])
        assert (parser.take(), parser.complete, parser.reusable) == (b"abc\r\nFFFFFFF\nz", True, True)
    parser = fed(*each_byte(data))
    assert (parser.take(), parser.complete, parser.reusable) == (b"abc\r\nFFFFFFF\nz", True, True)


@pytest.mark.parametrize("length", [b"268435457", b"18446744073709551615", b"99999999999999999999"])
def test_an_absurd_content_length_is_a_broken_answer_at_once(length: bytes) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        fed(b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n{" % length)


def test_a_length_without_a_body_is_not_judged() -> None:
    assert fed(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 18446744073709551615\r\n\r\n").complete
