"""One HTTP/1.1 answer as a state machine: bytes in, status, headers and body out. No I/O, no clock.

Rule 1: bytes that deliver no body are limited: header bytes, header count, and any run of bytes without body (a head,
        informational responses, chunk extensions, trailers).
Rule 2: an answer is complete only when its own framing says so. An end of stream anywhere else is an error.
Rule 3: a connection may carry another request only if the answer allows it and no byte followed its end.
Rule 4: an absurd size is a violation as soon as it is declared; its bytes are not waited for.
Rule 5: every violation by the peer is an httpx.RemoteProtocolError.
"""

from __future__ import annotations

import httpx
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from app.upstream.http1.chunks import CHUNK_BYTES_MAX, ChunkSizes, ChunkTooLarge

HEAD_BYTES_MAX = 64 * 1024
HEADER_COUNT_MAX = 256


class AnswerMissing(httpx.RemoteProtocolError):
    """The connection ended before the first byte of an answer."""


class _OverLimit(Exception):
    """Raised in a callback to stop the parser; the reason is kept in `_fault`."""


class AnswerParser:
    """Feed it received bytes; then read `head_complete`, `status`, `headers`, `take()`, `complete` and `reusable`."""

    __slots__ = (
        "_body",
        "_chunks",
        "_fault",
        "_head_bytes",
        "_idle_bytes",
        "_informational",
        "_parser",
        "_skip_body",
        "complete",
        "head_complete",
        "headers",
        "reusable",
        "started",
        "status",
    )

    def __init__(self, *, skip_body: bool = False) -> None:
        """`skip_body`: the answer has no body, whatever its headers say (it answers a HEAD request)."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.started = False
        self.head_complete = False
        self.complete = False
        self.reusable = False
        self._skip_body = skip_body
        self._informational = False
        self._body: list[bytes] = []
        self._chunks: ChunkSizes | None = None
        self._head_bytes = 0
        self._idle_bytes = 0
        self._fault = ""
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Raises httpx.RemoteProtocolError if the peer violates the protocol or a limit."""
        parser = self._parser
        if parser is None:
            self.reusable = False
            return
        self.started = True
        try:
            self._parse(parser, data)
        except HttpParserUpgrade:
            raise httpx.RemoteProtocolError("The server switched protocols unexpectedly.") from None
        except HttpParserError as error:
            self.reusable = False
            if not self.complete:
                raise httpx.RemoteProtocolError(self._fault or f"Malformed answer: {error}") from None
        if self.complete:
            self._parser = None  # break the reference cycle between parser and callbacks
        elif self._body:
            self._idle_bytes = 0
        else:
            self._idle_bytes += len(data)
            if self._idle_bytes > HEAD_BYTES_MAX:
                raise httpx.RemoteProtocolError("The answer has too many bytes without any body.")

    def _parse(self, parser: HttpResponseParser, data: bytes) -> None:
        start = 0
        while not self.head_complete and start < len(data):  # line by line, to know at which byte the body begins
            end = data.find(b"\n", start) + 1 or len(data)
            parser.feed_data(data[start:end])
            start = end
        if start == len(data):
            return
        body = data[start:] if start else data
        if self._chunks is not None:
            try:
                self._chunks.feed(body)
            except ChunkTooLarge as error:
                raise httpx.RemoteProtocolError(f"Malformed answer: {error}") from None
        parser.feed_data(body)

    def feed_eof(self) -> None:
        """The peer ended the stream. Completes a body that is framed by it; else raises httpx.RemoteProtocolError."""
        self._parser = None
        self.reusable = False
        if self.complete:
            return
        if not self.started:
            raise AnswerMissing("Server disconnected without sending a response.")
        if not self.head_complete:
            raise httpx.RemoteProtocolError("Server disconnected inside the response head.")
        if self._is_framed():
            raise httpx.RemoteProtocolError("Server disconnected inside the response body.")
        self.complete = True

    def take(self) -> bytes:
        """The body bytes parsed since the last call, b"" if there are none."""
        body = self._body
        if not body:
            return b""
        taken = body[0] if len(body) == 1 else b"".join(body)
        body.clear()
        return taken

    def release(self) -> None:
        """No more bytes will be fed."""
        self._parser = None

    def _is_framed(self) -> bool:
        for name, value in self.headers:
            lowered = name.lower()
            if lowered == b"content-length" or (lowered == b"transfer-encoding" and b"chunked" in value.lower()):
                return True
        return False

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        if self.complete:
            self.reusable = False
            self._stop("Bytes after the end of the answer.")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > HEAD_BYTES_MAX:
            self._stop("The headers are too large.")
        if self.head_complete:
            return  # trailers are counted and dropped
        if len(self.headers) >= HEADER_COUNT_MAX:
            self._stop("There are too many headers.")
        self.headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        parser = self._parser
        assert parser is not None
        status = parser.get_status_code()
        self._informational = 100 <= status < 200 and status != 101
        if self._informational:
            self.headers.clear()
            return
        if not 200 <= status <= 999:
            self._stop(f"Status {status} is not valid in an answer.")
        self.status = status
        self.head_complete = True
        if self._skip_body:
            # The parser would still expect a body, so the connection is not reused.
            self.complete = True
            return
        self.reusable = parser.should_keep_alive()
        for name, value in self.headers:
            lowered = name.lower()
            if lowered == b"transfer-encoding" and b"chunked" in value.lower():
                self._chunks = ChunkSizes()
            elif lowered == b"content-length" and status not in (204, 304) and _is_absurd(value):
                self._stop("Malformed answer: its Content-Length is too large.")

    def on_body(self, body: bytes) -> None:
        if not self.complete:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self._informational:
            self._informational = False
        else:
            self.complete = True

    def _stop(self, fault: str) -> None:
        self._fault = fault
        raise _OverLimit(fault)


def _is_absurd(length: bytes) -> bool:
    return length.isdigit() and int(length[:20]) > CHUNK_BYTES_MAX
