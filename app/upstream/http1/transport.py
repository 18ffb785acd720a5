"""An httpx transport over Trio and httptools: HTTP/1.1, TLS and a keep-alive pool.

It exists because httpx's default transport takes most of a call's CPU time (ops/bench/transport.py measures both).
Pass it to httpx.AsyncClient(transport=...), or call `handle_async_request` directly and read `response.stream.receive()`,
which costs even less.

Rule 1: one request, one attempt. Nothing is retried, redirected, decompressed or sent through a proxy.
Rule 2: errors and timeouts are httpx's own. `request.extensions["timeout"]` has httpx's meaning, except that `read` limits the
        wait for the whole head, and then each wait for more of the body.
Rule 3: an answer read to its end returns its connection to the pool; any other end (aclose, error, cancellation) closes it at once.
Rule 4: a header value cannot break out of its line.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import httpx
import trio

from app.upstream.http1.connection import Origin, UpstreamConnection, deadline_after, default_ssl_context
from app.upstream.http1.parser import AnswerMissing, AnswerParser
from app.upstream.http1.pool import Pool, PoolLimits

__all__ = ["AnswerMissing", "AnswerStream", "PoolLimits", "TrioTransport"]

JOIN_BYTES_MAX = 64 * 1024
"""A body up to this size is sent in one write with its head."""

_PORTS = {b"http": 80, b"https": 443}
_EXPECT_BODY = frozenset(("POST", "PUT", "PATCH"))


class TrioTransport(httpx.AsyncBaseTransport):
    """An httpx transport for any number of concurrent calls within one trio run."""

    def __init__(self, *, limits: PoolLimits | None = None, ssl_context: ssl.SSLContext | None = None) -> None:
        """`ssl_context` replaces the default (certifi's roots, host names checked), for example for a private CA."""
        self._pool = Pool(limits or PoolLimits(), ssl_context or default_ssl_context())

    @property
    def leased_connections(self) -> int:
        """Connections in use or being opened."""
        return self._pool.leased

    @property
    def idle_connections(self) -> int:
        return self._pool.idle

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return once the head of the answer has arrived. `response.stream` is an AnswerStream; the caller closes it."""
        timeout: Mapping[str, float | None] = request.extensions.get("timeout", {})
        origin = _origin(request.url)
        message = _OutgoingMessage(request)
        connection = await self._pool.acquire(
            origin, pool_timeout=timeout.get("pool"), connect_timeout=timeout.get("connect")
        )
        parser = AnswerParser(skip_body=request.method == "HEAD")
        stream = AnswerStream(self._pool, connection, parser, timeout.get("read"))
        try:
            lost = await message.send(connection, timeout.get("write"))
            await stream.read_head(lost)
        except BaseException:
            stream.close()
            raise
        return httpx.Response(parser.status, headers=parser.headers, stream=stream)

    async def aclose(self) -> None:
        """Close idle connections now; open answers keep theirs until they end."""
        self._pool.close()


class AnswerStream(httpx.AsyncByteStream):
    """The body of one answer. `read_timeout` may be changed between reads."""

    def __init__(
        self, pool: Pool, connection: UpstreamConnection, parser: AnswerParser, read_timeout: float | None
    ) -> None:
        self.read_timeout = read_timeout
        self._pool = pool
        self._connection: UpstreamConnection | None = connection
        self._parser = parser

    async def receive(self) -> bytes:
        """The next body bytes as received, b"" at the end.

        Raises httpx.ReadTimeout, ReadError, RemoteProtocolError if the answer ends early or is malformed, and
        httpx.StreamClosed after the stream was closed.
        """
        parser = self._parser
        body = parser.take()
        while not body and not parser.complete:
            try:
                await self._read(deadline_after(self.read_timeout))
            except BaseException:
                self.close()
                raise
            body = parser.take()
        return body

    def __aiter__(self) -> AnswerStream:
        return self

    async def __anext__(self) -> bytes:
        body = await self.receive()
        if not body:
            raise StopAsyncIteration
        return body

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection unless the answer has ended. May be called again; wakes a task that is in receive()."""
        self._end(reusable=False)

    async def read_head(self, write_error: httpx.WriteError | None) -> None:
        """Read until the head is complete. `write_error`: the request was not sent in full, but the server may still answer it."""
        deadline = deadline_after(self.read_timeout)
        try:
            while not self._parser.head_complete:
                await self._read(deadline)
        except (httpx.ReadError, httpx.RemoteProtocolError) as error:
            if write_error is not None:
                raise write_error from None
            if isinstance(error, httpx.ReadError) and self._parser.started:
                raise httpx.RemoteProtocolError("The connection was lost inside the response head.") from error
            raise
        if write_error is not None:
            self._parser.reusable = False

    async def _read(self, deadline: float) -> None:
        connection, parser = self._connection, self._parser
        if connection is None:
            raise httpx.StreamClosed
        if deadline == math.inf:  # a cancel scope costs a third of a small chunk: skip it if nothing is to be timed
            data = await connection.receive()
        else:
            with trio.CancelScope(deadline=deadline) as scope:
                data = await connection.receive()
            if scope.cancelled_caught:
                raise httpx.ReadTimeout("The server sent nothing in time.")
        if data:
            parser.feed(data)
        else:
            parser.feed_eof()
        if parser.complete:
            self._end(reusable=parser.reusable)

    def _end(self, *, reusable: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._parser.release()
            self._pool.give_back(connection, reusable=reusable)


class _OutgoingMessage:
    """A request as bytes: its head, and its body as one piece or as a stream."""

    __slots__ = ("_body", "_chunked", "_head", "_length")

    def __init__(self, request: httpx.Request) -> None:
        stream = request.stream
        if isinstance(stream, httpx.ByteStream):
            self._body: bytes | httpx.AsyncByteStream = b"".join(stream)
        else:
            assert isinstance(stream, httpx.AsyncByteStream), "an asynchronous transport takes an asynchronous body"
            self._body = stream
        self._chunked = False
        self._length = -1
        lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii", "replace"), request.url.raw_path)]
        has_host = False
        for name, value in request.headers.raw:
            lowered = name.lower()
            if lowered == b"host":
                has_host = True
            elif lowered == b"content-length":
                self._length = _content_length(value)
            elif lowered == b"transfer-encoding":
                self._chunked = True
            lines.append(b"%s: %s" % (name, value))
        if not has_host:
            lines.insert(1, b"Host: " + request.url.netloc)
        self._frame(request, lines)
        self._head = b"\r\n".join(lines) + b"\r\n\r\n"
        _check_head(self._head, len(lines))

    def _frame(self, request: httpx.Request, lines: list[bytes]) -> None:
        if self._length >= 0 or self._chunked:
            if self._length >= 0 and isinstance(self._body, bytes) and len(self._body) != self._length:
                raise httpx.LocalProtocolError("Content-Length is not the length of the body.")
        elif not isinstance(self._body, bytes):
            self._chunked = True
            lines.append(b"Transfer-Encoding: chunked")
        elif self._body or request.method in _EXPECT_BODY:
            lines.append(b"Content-Length: %d" % len(self._body))

    async def send(self, connection: UpstreamConnection, write_timeout: float | None) -> httpx.WriteError | None:
        """Send the request. If the peer stopped reading, return the error instead of raising it: it may have answered."""
        try:
            if isinstance(self._body, bytes) and not self._chunked:
                await self._send_whole(connection, self._body, write_timeout)
            else:
                await self._send_stream(connection, write_timeout)
        except httpx.WriteError as error:
            return error
        return None

    async def _send_whole(self, connection: UpstreamConnection, body: bytes, write_timeout: float | None) -> None:
        if len(body) <= JOIN_BYTES_MAX:
            await connection.send(self._head + body, write_timeout)
        else:
            await connection.send(self._head, write_timeout)
            await connection.send(body, write_timeout)

    async def _send_stream(self, connection: UpstreamConnection, write_timeout: float | None) -> None:
        await connection.send(self._head, write_timeout)
        sent = 0
        async with aclosing(_parts(self._body)) as parts:
            async for part in parts:
                sent += len(part)
                if not self._chunked and sent > self._length:
                    break
                framed = b"%x\r\n%s\r\n" % (len(part), part) if self._chunked else part
                await connection.send(framed, write_timeout)
        if self._chunked:
            await connection.send(b"0\r\n\r\n", write_timeout)
        elif sent != self._length:
            raise httpx.LocalProtocolError("Content-Length is not the length of the body.")


async def _parts(body: bytes | httpx.AsyncByteStream) -> AsyncGenerator[bytes, None]:
    """The non-empty parts of a body: an empty chunk would end a chunked body."""
    if isinstance(body, bytes):
        if body:
            yield body
        return
    async for part in body:
        if part:
            yield part


def _origin(url: httpx.URL) -> Origin:
    scheme = url.raw_scheme
    default_port = _PORTS.get(scheme)
    if default_port is None:
        raise httpx.UnsupportedProtocol("The URL must begin with http:// or https://.")
    return scheme, url.raw_host, url.port or default_port


def _content_length(value: bytes) -> int:
    if not value.isdigit() or len(value) > 18:
        raise httpx.LocalProtocolError("Content-Length is not a number.")
    return int(value)


def _check_head(head: bytes, lines: int) -> None:
    """Check that each line has exactly one line break, so that no header value adds a header or a second request."""
    breaks = lines + 1
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
        raise httpx.LocalProtocolError("A header contains a line break or NUL.")
