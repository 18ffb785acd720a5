"""HTTP/1.1 on one connection: h11 reads and keeps the state, the bytes of an answer are made here.

Rule 1: HTTP/1.1 and 1.0, nothing else. The HTTP/2 preface is answered 505; an Upgrade header is ignored, as RFC 9110 allows.
Rule 2: h11 is told of every answer's shape (connection: close or not, a body or none) and of its end, so its state stays right;
    the head and the chunks themselves are written here, because h11 validates each of them for longer than they take to send.
Rule 3: one request at a time. What a client sends ahead of its turn waits in h11's buffer, bounded like a head.
Rule 4: a head is bounded in bytes and fields; a body is read only as fast as the application takes it.
Rule 5: an answer that the protocol itself gives is an OpenAI envelope, and the last one of its connection.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes

import h11
import trio
from hypercorn.config import Config
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol
from hypercorn.protocol.http_stream import ASGIHTTPState, HTTPStream

from app.edge.intake import Intake
from app.edge.limits import ServerLimits
from app.envelope import close_answer
from app.errors import answer_for
from app.faults import ApiError, BadRequest, HeadersTooLarge, HttpVersionNotSupported, RequestTooSlow

if TYPE_CHECKING:
    from app.edge.connection import ClientConnection

Fields = Iterable[tuple[bytes, bytes]]

_STATUS_LINES = {int(status): f"HTTP/1.1 {int(status)} {status.phrase}\r\n".encode("ascii") for status in HTTPStatus}
_CONTINUE = h11.InformationalResponse(status_code=100, headers=[])
_KEEPS = h11.Response(status_code=200, headers=[("content-length", "0")])
_CLOSES = h11.Response(status_code=200, headers=[("content-length", "0"), ("connection", "close")])
_END = h11.EndOfMessage()
_UNFRAMED = frozenset({b"connection", b"transfer-encoding", b"keep-alive"})


class HttpRefusal(Exception):
    """The connection ends with `answer`, for a reason of the protocol."""

    def __init__(self, error: ApiError, status: int | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.status = status

    def answer(self) -> bytes:
        answer = answer_for(self.error)
        headers = (("x-request-id", new_request_id()), *answer.headers)
        return close_answer(self.status or answer.status, answer.body, headers)


def new_request_id() -> str:
    return f"req_{secrets.token_hex(16)}"


class Stream(HTTPStream):
    """One request and its answer. `intake` is its body; `cancel_scope` ends its task when the client is gone."""

    def __init__(self, protocol: Protocol, request: h11.Request, fields: list[tuple[bytes, bytes]]) -> None:
        wire = protocol.wire
        super().__init__(
            protocol.app,
            protocol.config,
            protocol.context,
            protocol.task_group,
            protocol.ssl,
            protocol.client,
            protocol.server,
            protocol.stream_send,
            STREAM_ID,
        )
        self.protocol = protocol
        self.wire = wire
        self.cancel_scope = trio.CancelScope()
        self.intake = Intake(wire.limits.body_window_bytes, self._body_wanted)
        self.suppressed = request.method == b"HEAD"
        self.old_client = request.http_version < b"1.1"
        self.remaining: int | None = 0
        """Bytes of the body still to be sent, None where chunks or the connection's end frame it."""
        self._head = b""
        self._drained = False
        self.scope: Any = self._scope_of(request, fields)

    def _scope_of(self, request: h11.Request, fields: list[tuple[bytes, bytes]]) -> dict[str, Any]:
        raw_path, _, query_string = _origin_form(request.target).partition(b"?")
        path, refused = _decoded(raw_path)
        return {
            "type": "http",
            "http_version": "1.0" if self.old_client else "1.1",
            "asgi": {"spec_version": "2.1", "version": "3.0"},
            "method": request.method.decode("ascii"),
            "scheme": self.scheme,
            "path": path,
            "raw_path": raw_path,
            "query_string": query_string,
            "root_path": "",
            "headers": fields,
            "client": self.client,
            "server": self.server,
            "state": {},
            "extensions": {},
            "realrouter.stream": self,
            "realrouter.refused": refused,
        }

    async def receive(self) -> Any:
        """ASGI's receive, for applications that know nothing of `intake`. A client that goes cancels instead."""
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
            raise RuntimeError(f"{kind} does not belong here: the answer is in state {self.state.name}")

    async def _send_head(self, status: int, headers: Fields) -> None:
        keep = self.protocol.may_keep_alive(status)
        fields, length = _written(headers)
        fields += _date()
        bodiless = self.suppressed or status in (204, 304)
        tail = b"" if keep else b"connection: close\r\n"
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
            await self.wire.write(head)  # a stream's first byte may be far off; its headers are wanted now
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
            await self.wire.write(data if self.old_client else b"%x\r\n%b\r\n" % (len(data), data))
            return
        if len(data) > self.remaining:
            raise RuntimeError(f"the body is {len(data) - self.remaining} bytes longer than its content-length")
        self.remaining -= len(data)
        await self._flush_head(data)

    async def _flush_head(self, data: bytes) -> None:
        head, self._head = self._head, b""
        await self.wire.write(head + data)

    async def _finish(self) -> None:
        if self.remaining:
            raise RuntimeError(f"the body is {self.remaining} bytes shorter than its content-length")
        if self.remaining is None and not self.old_client:
            await self.wire.write(b"0\r\n\r\n")
        if not self.closed:
            self.state = ASGIHTTPState.CLOSED
            self.closed = True
            self.protocol.finished(self)

    async def _body_wanted(self) -> None:
        # Expect: 100-continue is answered when somebody reads: a request refused by its headers never sends its body.
        connection = self.protocol.connection
        if self.state is ASGIHTTPState.REQUEST and connection.they_are_waiting_for_100_continue:
            await self.wire.write(connection.send(_CONTINUE))

    @property
    def unstarted(self) -> bool:
        """Not a byte of an answer is out."""
        return self.state is ASGIHTTPState.REQUEST

    @property
    def framed_by_end(self) -> bool:
        """Only the end of the connection says where the body ends, so it must not end quietly halfway."""
        return self.remaining is None and self.old_client

    def client_gone(self) -> None:
        """Nobody is there to read. Ends the request's task, wherever it is."""
        if not self.closed:
            self.closed = True
            self.intake.fail(BadRequest("The connection was lost."))
            self.cancel_scope.cancel()


class Protocol(H11Protocol):
    """Reads requests; `wire` is the connection that it speaks on."""

    connection: h11.Connection
    stream: Stream | None

    def __init__(self, wire: ClientConnection, config: Config, *args: Any) -> None:
        super().__init__(wire.app, config, *args)
        self._client_keeps = True
        self.wire = wire
        self.limits: ServerLimits = wire.limits
        self.broken = False
        """h11 can make no sense of what comes; nothing more is read."""

    @property
    def ahead(self) -> int:
        """Bytes that wait in h11 for their turn."""
        return len(self.connection.trailing_data[0])

    def may_keep_alive(self, status: int) -> bool:
        """Whether the connection lives on after this answer. A refused body that is still coming ends it."""
        return (
            not (
                self.wire.draining
                or self.broken
                or self.keep_alive_requests >= self.limits.requests
                or (status >= 400 and self.connection.their_state is h11.SEND_BODY)
            )
            and self._client_keeps
        )

    def feed(self, data: bytes) -> None:
        """Take what the socket gave (or b"" to go on with what is buffered). Raises HttpRefusal."""
        if data:
            self.connection.receive_data(data)
        while not self.broken:
            try:
                event = self.connection.next_event()
            except h11.RemoteProtocolError as error:
                self._nonsense(error)
                return
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return
            if isinstance(event, h11.Request):
                self._start(event)
            elif self.stream is None:
                pass  # the body of a request that has its answer already
            elif isinstance(event, h11.Data):
                self.stream.intake.push(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self.stream.intake.finish()

    def _nonsense(self, error: h11.RemoteProtocolError) -> None:
        self.broken = True
        bad = BadRequest(f"This is no valid HTTP/1.1 request: {error}", code="bad_http")
        if self.stream is not None:
            self.stream.intake.fail(bad)  # the application answers; the head was fine
        elif error.error_status_hint == 431:
            raise HttpRefusal(_head_too_large(self.limits))
        elif self.connection.our_state is h11.IDLE:
            raise HttpRefusal(bad, error.error_status_hint)
        else:
            raise HttpRefusal(bad)

    def _start(self, request: h11.Request) -> None:
        fields = list(request.headers)
        self._client_keeps = _judge(request, fields, self.limits)
        self.keep_alive_requests += 1
        self.stream = Stream(self, request, fields)
        self.wire.start(self.stream)

    def finished(self, stream: Stream) -> None:
        """`stream` has its whole answer. Makes ready for the next request, or closes."""
        self.stream = None
        stream.intake.abandon()
        connection = self.connection
        connection.send(_END)
        if connection.our_state is h11.DONE and connection.their_state is h11.DONE and not self.wire.draining:
            connection.start_next_cycle()
            self.wire.idle(buffered=bool(connection.trailing_data[0]))
        else:
            self.wire.finish()

    @property
    def unread(self) -> bool:
        """Whether the client may still be sending what nobody will read."""
        return self.broken or self.connection.their_state in (h11.SEND_BODY, h11.ERROR)


def timed_out(seconds: float) -> HttpRefusal:
    return HttpRefusal(RequestTooSlow(f"The request's headers did not arrive within {seconds:g} s."))


def _judge(request: h11.Request, fields: list[tuple[bytes, bytes]], limits: ServerLimits) -> bool:
    """Refuse what h11 lets pass; say whether the client keeps the connection."""
    if request.http_version not in (b"1.1", b"1.0"):
        raise HttpRefusal(
            HttpVersionNotSupported("Only HTTP/1.1 is spoken here; put TLS and HTTP/2 in a proxy before it."), 505
        )
    if len(fields) > limits.head_fields:
        raise HttpRefusal(HeadersTooLarge(f"The request has {len(fields)} headers; {limits.head_fields} are allowed."))
    if request.method == b"CONNECT":
        raise HttpRefusal(BadRequest("This is no proxy: CONNECT is not served.", code="bad_http"))
    keeps, framings, size = request.http_version == b"1.1", 0, len(request.target)
    for name, value in fields:
        size += len(name) + len(value) + 4
        if name == b"connection":
            keeps = keeps and b"close" not in value.lower()
        elif name in (b"content-length", b"transfer-encoding"):
            framings += 1
    if size > limits.head_bytes:  # h11 judges only what is incomplete: a head that came whole passes it
        raise HttpRefusal(_head_too_large(limits))
    if framings > 1:
        raise HttpRefusal(
            BadRequest("Content-Length and Transfer-Encoding contradict each other: send one.", code="bad_http")
        )
    return keeps


def _head_too_large(limits: ServerLimits) -> HeadersTooLarge:
    return HeadersTooLarge(f"The request line and headers are larger than {limits.head_bytes} bytes.")


def _origin_form(target: bytes) -> bytes:
    """The path and query of a request target: a proxy's form names the host first."""
    if target[:1] != b"/" and b"://" in target:
        rest = target.partition(b"://")[2]
        return b"/" + rest.partition(b"/")[2]
    return target


def _decoded(raw_path: bytes) -> tuple[str, ApiError | None]:
    """The path as text. Where it is none, what to answer."""
    try:
        path = unquote_to_bytes(raw_path).decode("utf-8") if b"%" in raw_path else raw_path.decode("ascii")
    except UnicodeDecodeError:
        return "/", BadRequest("The path is not valid UTF-8.", code="bad_path")
    if not path.startswith("/") or "\0" in path:
        return "/", BadRequest("The path is not one that can be served.", code="bad_path")
    return path, None


def _date() -> bytes:
    """The Date header, made once a second."""
    now = int(time.time())
    if _clock[0] != now:
        _clock[:] = now, b"date: %b\r\n" % formatdate(now, usegmt=True).encode("ascii")
    return cast(bytes, _clock[1])


_clock: list[Any] = [0, b""]


def _written(headers: Fields) -> tuple[bytes, int | None]:
    """The header lines, and the content-length among them. A line break inside one is refused: it would be another header."""
    lines, length = [], None
    for name, value in headers:
        if name == b"content-length":
            length = int(value)
        elif name in _UNFRAMED:
            continue  # framing and the connection's life are this module's
        lines.append(b"%b: %b\r\n" % (name, value))
    block = b"".join(lines)
    if block.count(b"\n") != len(lines) or block.count(b"\r") != len(lines) or b"\0" in block:
        raise ValueError("a response header holds a line break or NUL")
    return block, length
