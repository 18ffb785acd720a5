"""HTTP/1.1 on one connection: h11 parses requests and keeps the state; the bytes of a response are written here.

Rule 1: only HTTP/1.1 and 1.0. The HTTP/2 preface gets 505; an Upgrade header is ignored, as RFC 9110 section 7.8 allows. (The
    application answers 426 to a WebSocket's handshake.)
Rule 2: h11 learns the shape of each response (connection: close or not, body or not) and its end, so its state stays right.
    The head and the chunks themselves are written here, because h11 takes longer to validate each than to send it.
Rule 3: one request at a time. Bytes that a client pipelines wait in h11's buffer, up to the size of one head.
Rule 4: a head is limited in bytes and fields; a body is read only as fast as the application takes it.
Rule 5: a response from the protocol itself is an OpenAI error envelope and closes the connection.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Protocol, cast
from urllib.parse import unquote_to_bytes

import h11
import trio
from hypercorn.protocol.http_stream import ASGIHTTPState

from app.edge.chunks import ChunkWatch, MalformedChunk
from app.edge.intake import Intake
from app.edge.limits import ServerLimits
from app.edge.refusal import HttpRefusal
from app.faults import ApiError, BadRequest, HeadersTooLarge, HttpVersionNotSupported, RequestTooSlow

Fields = Iterable[tuple[bytes, bytes]]
Address = tuple[str, int] | None
"""Host and port of one end of the connection, or None for a Unix socket."""

EXCHANGE = "realrouter.exchange"
"""The scope's key for the Exchange: present only under our own server."""
REFUSED = "realrouter.refused"
"""The scope's key for an ApiError that the application must answer with, or None."""

_STATUS_LINES = {int(status): f"HTTP/1.1 {int(status)} {status.phrase}\r\n".encode("ascii") for status in HTTPStatus}
_CONTINUE = h11.InformationalResponse(status_code=100, headers=[])
_KEEPS = h11.Response(status_code=200, headers=[("content-length", "0")])
_CLOSES = h11.Response(status_code=200, headers=[("content-length", "0"), ("connection", "close")])
_END = h11.EndOfMessage()
_CLOSE_UPGRADE = b"connection: close, upgrade\r\n"
"""A 426 names a protocol in Upgrade, which Connection must list (RFC 9110 sections 7.8 and 15.5.22)."""
_UNFRAMED = frozenset({b"connection", b"transfer-encoding", b"keep-alive"})


class Transport(Protocol):
    """The methods of a connection that HTTP/1.1 uses."""

    draining: bool

    def start(self, exchange: Exchange) -> None:
        """Answer a request, in a separate task."""

    async def write(self, data: bytes) -> None:
        """Send all of `data`, or reset the connection."""

    def idle(self, *, buffered: bool) -> None:
        """The response is out and the connection stays open. `buffered`: part of the next request has already arrived."""

    def finish(self) -> None:
        """Close the connection. Its reader notices immediately."""


class Exchange:
    """One request and its response. `intake` is the request's body; `cancel_scope` ends its task when the client has left."""

    def __init__(self, protocol: Http1, request: h11.Request, fields: list[tuple[bytes, bytes]]) -> None:
        self.protocol = protocol
        self.transport = protocol.transport
        self.state = ASGIHTTPState.REQUEST
        self.closed = False
        self.cancel_scope = trio.CancelScope()
        self.intake = Intake(protocol.limits.body_window_bytes, self._body_wanted)
        self.suppressed = request.method == b"HEAD"
        self.old_client = request.http_version < b"1.1"
        self.remaining: int | None = 0
        """Body bytes still to send, or None if chunks or the end of the connection frame the body."""
        self._head = b""
        self._drained = False
        self.scope: Any = self._scope_of(request, fields)

    def _scope_of(self, request: h11.Request, fields: list[tuple[bytes, bytes]]) -> dict[str, Any]:
        raw_path, _, query_string = _origin_form(request.target).partition(b"?")
        path, refused = decode_path(raw_path)
        return {
            "type": "http",
            "http_version": "1.0" if self.old_client else "1.1",
            "asgi": {"spec_version": "2.1", "version": "3.0"},
            "method": request.method.decode("ascii"),
            "scheme": "http",
            "path": path,
            "raw_path": raw_path,
            "query_string": query_string,
            "root_path": "",
            "headers": fields,
            "client": self.protocol.client,
            "server": self.protocol.server,
            "state": {},
            "extensions": {},
            EXCHANGE: self,
            REFUSED: refused,
        }

    async def receive(self) -> Any:
        """ASGI's receive, for applications that do not know `intake`. If the client leaves, the task is cancelled instead."""
        if self._drained:
            await trio.sleep_forever()
        data = await self.intake.take()
        self._drained = self.intake.complete
        return {"type": "http.request", "body": data, "more_body": not self._drained}

    async def app_send(self, message: Any) -> None:
        kind = message["type"]
        if self.closed:
            await trio.lowlevel.checkpoint()
        elif kind == "http.response.body" and self.state is ASGIHTTPState.RESPONSE:
            await self._send_body(message.get("body", b""), message.get("more_body", False))
        elif kind == "http.response.start" and self.state is ASGIHTTPState.REQUEST:
            await self._send_head(message["status"], message.get("headers", ()))
        else:
            raise RuntimeError(f"unexpected {kind}: the response is in state {self.state.name}")

    async def _send_head(self, status: int, headers: Fields) -> None:
        keep = self.protocol.may_keep_alive(status)
        fields, length = _written(headers)
        fields += _date()
        bodiless = self.suppressed or status in (204, 304)
        tail = b"" if keep else _CLOSE_UPGRADE if status == 426 else b"connection: close\r\n"
        if bodiless or length is not None:
            self.remaining = 0 if bodiless else length
        else:
            self.remaining = None
            if not self.old_client:
                tail += b"transfer-encoding: chunked\r\n"
        head = b"%b%b%b\r\n" % (_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status, fields, tail)
        self.protocol.connection.send(_KEEPS if keep else _CLOSES)
        self.suppressed = bodiless
        self.state = ASGIHTTPState.RESPONSE
        if self.remaining is None:
            await self.transport.write(head)  # a stream's first byte may be far off; the client wants the headers now
        else:
            self._head = head

    async def _send_body(self, data: bytes, more: bool) -> None:
        if data and not self.suppressed:
            await self._send_data(data)
        elif self._head and not more:
            await self._flush_head(b"")
        if not more:
            await self._finish()

    async def _send_data(self, data: bytes) -> None:
        if self.remaining is None:
            await self.transport.write(data if self.old_client else b"%x\r\n%b\r\n" % (len(data), data))
            return
        if len(data) > self.remaining:
            raise RuntimeError(f"the body is {len(data) - self.remaining} bytes longer than its content-length")
        self.remaining -= len(data)
        await self._flush_head(data)

    async def _flush_head(self, data: bytes) -> None:
        head, self._head = self._head, b""
        await self.transport.write(head + data)

    async def _finish(self) -> None:
        if self.remaining:
            raise RuntimeError(f"the body is {self.remaining} bytes shorter than its content-length")
        if self.remaining is None and not self.old_client:
            await self.transport.write(b"0\r\n\r\n")
        if not self.closed:
            self.state = ASGIHTTPState.CLOSED
            self.closed = True
            self.protocol.finished(self)

    async def _body_wanted(self) -> None:
        # 100 Continue goes out when the application starts to read: a request refused by its headers never sends its body.
        connection = self.protocol.connection
        if self.state is ASGIHTTPState.REQUEST and connection.they_are_waiting_for_100_continue:
            await self.transport.write(connection.send(_CONTINUE))

    @property
    def unstarted(self) -> bool:
        """No byte of the response has been sent."""
        return self.state is ASGIHTTPState.REQUEST

    @property
    def framed_by_end(self) -> bool:
        """Only the end of the connection marks the end of the body, so a partial body must end in a reset."""
        return self.remaining is None and self.old_client

    def client_gone(self) -> None:
        """The client left before its response was complete: cancel the request's task."""
        if not self.closed:
            self.closed = True
            self.intake.fail(BadRequest("The connection was lost."))
            self.cancel_scope.cancel()


class Http1:
    """Reads the requests of one connection, one at a time."""

    def __init__(self, transport: Transport, limits: ServerLimits, *, client: Address, server: Address) -> None:
        self.transport = transport
        self.limits = limits
        self.client = client
        self.server = server
        self.connection = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_bytes)
        self.exchange: Exchange | None = None
        self.requests = 0
        self.broken = False
        """h11 cannot parse the input, so nothing more is read."""
        self._client_keeps = True
        self._chunks: ChunkWatch | None = None

    @property
    def ahead(self) -> int:
        """Received bytes that h11 has not parsed yet."""
        return len(self.connection.trailing_data[0])

    def may_keep_alive(self, status: int) -> bool:
        """Whether the connection stays open after this response. It does not if a refused body is still arriving."""
        return (
            not (
                self.transport.draining
                or self.broken
                or self.requests >= self.limits.requests
                or status == 426  # the client expects to speak another protocol
                or (status >= 400 and self.connection.their_state is h11.SEND_BODY)
            )
            and self._client_keeps
        )

    def feed(self, data: bytes) -> None:
        """Parse received bytes, or, with b"", the bytes that are already buffered. Raises HttpRefusal."""
        if data:
            self.connection.receive_data(data)
        while not self.broken:
            try:
                event = self.connection.next_event()
            except h11.RemoteProtocolError as error:
                self._unparsable(error)
                return
            if event is h11.NEED_DATA or event is h11.PAUSED:
                self._look_ahead()
                return
            if isinstance(event, h11.Request):
                self._start(event)
            elif self.exchange is None:
                pass  # the rest of a body whose request has already been answered
            elif isinstance(event, h11.Data):
                self.exchange.intake.push(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self.exchange.intake.finish()

    def _look_ahead(self) -> None:
        """Refuse a chunk by its size line, instead of waiting for its bytes."""
        if self._chunks is None or self.exchange is None or self.connection.their_state is not h11.SEND_BODY:
            return
        try:
            self.exchange.intake.expect(self._chunks.coming())
        except MalformedChunk as error:
            self.broken = True
            self.exchange.intake.fail(_bad(error))

    def _unparsable(self, error: h11.RemoteProtocolError) -> None:
        self.broken = True
        bad = _bad(error)
        if self.exchange is not None:
            self.exchange.intake.fail(bad)  # the head was valid, so the application answers
        elif error.error_status_hint == 431:
            raise HttpRefusal(_head_too_large(self.limits))
        elif self.connection.our_state is h11.IDLE:
            raise HttpRefusal(bad, error.error_status_hint)
        else:
            raise HttpRefusal(bad)

    def _start(self, request: h11.Request) -> None:
        fields = list(request.headers)
        self._client_keeps = _judge(request, fields, self.limits)
        chunked = any(name == b"transfer-encoding" for name, _ in fields)
        self._chunks = ChunkWatch(self.connection) if chunked else None
        self.requests += 1
        self.exchange = Exchange(self, request, fields)
        self.transport.start(self.exchange)

    def finished(self, exchange: Exchange) -> None:
        """The response is complete: get ready for the next request, or close."""
        self.exchange = None
        exchange.intake.abandon()
        connection = self.connection
        connection.send(_END)
        if connection.our_state is h11.DONE and connection.their_state is h11.DONE and not self.transport.draining:
            connection.start_next_cycle()
            self.transport.idle(buffered=bool(connection.trailing_data[0]))
        else:
            self.transport.finish()

    @property
    def unread(self) -> bool:
        """Whether the client may still be sending bytes that will not be read."""
        return self.broken or self.connection.their_state in (h11.SEND_BODY, h11.ERROR)


def _bad(error: Exception) -> BadRequest:
    return BadRequest(f"This is not a valid HTTP/1.1 request: {error}", code="bad_http")


def head_timed_out(seconds: float) -> HttpRefusal:
    return HttpRefusal(RequestTooSlow(f"The request's headers did not arrive within {seconds:g} s."))


def _judge(request: h11.Request, fields: list[tuple[bytes, bytes]], limits: ServerLimits) -> bool:
    """Make the checks that h11 does not make. Returns whether the client keeps the connection open. Raises HttpRefusal."""
    if request.http_version not in (b"1.1", b"1.0"):
        raise HttpRefusal(
            HttpVersionNotSupported("This server speaks HTTP/1.1 only. Put a proxy in front of it for TLS and HTTP/2."),
            505,
        )
    if len(fields) > limits.head_fields:
        raise HttpRefusal(
            HeadersTooLarge(f"The request has {len(fields)} headers; at most {limits.head_fields} are allowed.")
        )
    if request.method == b"CONNECT":
        raise HttpRefusal(BadRequest("This server is not a proxy: CONNECT is not supported.", code="bad_http"))
    keeps, framings, size = request.http_version == b"1.1", 0, len(request.target)
    for name, value in fields:
        size += len(name) + len(value) + 4
        if name == b"connection":
            keeps = keeps and b"close" not in value.lower()
        elif name in (b"content-length", b"transfer-encoding"):
            framings += 1
    if size > limits.head_bytes:  # h11 limits only a head that is still incomplete
        raise HttpRefusal(_head_too_large(limits))
    if framings > 1:
        raise HttpRefusal(
            BadRequest("Content-Length and Transfer-Encoding conflict: send only one of them.", code="bad_http")
        )
    return keeps


def _head_too_large(limits: ServerLimits) -> HeadersTooLarge:
    return HeadersTooLarge(f"The request line and headers are larger than {limits.head_bytes} bytes.")


def _origin_form(target: bytes) -> bytes:
    """The path and query of a request target. The absolute form, which proxies send, has the host before them."""
    if target[:1] != b"/" and b"://" in target:
        rest = target.partition(b"://")[2]
        return b"/" + rest.partition(b"/")[2]
    return target


def decode_path(raw_path: bytes) -> tuple[str, ApiError | None]:
    """The path as text, or "/" and the error to answer with."""
    try:
        path = unquote_to_bytes(raw_path).decode("utf-8") if b"%" in raw_path else raw_path.decode("ascii")
    except UnicodeDecodeError:
        return "/", BadRequest("The path is not valid UTF-8.", code="bad_path")
    if not path.startswith("/") or "\0" in path:
        return "/", BadRequest("The path must begin with / and must not contain NUL.", code="bad_path")
    return path, None


def _date() -> bytes:
    """The Date header line, formatted once per second."""
    now = int(time.time())
    if _clock[0] != now:
        _clock[:] = now, b"date: %b\r\n" % formatdate(now, usegmt=True).encode("ascii")
    return cast(bytes, _clock[1])


_clock: list[Any] = [0, b""]


def _written(headers: Fields) -> tuple[bytes, int | None]:
    """The header lines, and the content-length if there is one. Raises ValueError for a line break, which would inject a header."""
    lines, length = [], None
    for name, value in headers:
        if name == b"content-length":
            length = int(value)
        elif name in _UNFRAMED:
            continue  # this module decides on framing and keep-alive
        lines.append(b"%b: %b\r\n" % (name, value))
    block = b"".join(lines)
    if block.count(b"\n") != len(lines) or block.count(b"\r") != len(lines) or b"\0" in block:
        raise ValueError("a response header contains a line break or NUL")
    return block, length
