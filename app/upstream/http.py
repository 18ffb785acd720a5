"""An upstream reached over HTTP, whatever its protocol: httpx's requests and responses over our transport.

Rule 1: a request carries the headers named here and none of the client's.
Rule 2: httpx's errors are mapped here, once. A connection lost before the head of an answer is UpstreamUnreachable, after it
        UpstreamBroken. A malformed answer is always UpstreamBroken.
Rule 3: the key appears only in the request: not in a repr, an error or a log. Over plain http it is sent to loopback
        only, unless the operator allows more.
Rule 4: bodies pass unchanged; an answer in a content encoding that was not requested is UpstreamBroken.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import quote

import httpx

from app.faults import UpstreamBroken, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from app.upstream.base import UpstreamAnswer, UpstreamCall
from app.upstream.http1.transport import AnswerMissing, AnswerStream, TrioTransport
from app.upstream.refusal import REFUSAL_BYTES_MAX, refused
from app.wire.anthropic.request_writer import API_VERSION

__all__ = ["REFUSAL_BYTES_MAX", "HttpUpstream", "UpstreamTimeouts", "refused"]

_KEY_HEADERS = {"anthropic": (b"x-api-key", b""), "gemini": (b"x-goog-api-key", b"")}
"""The header that carries the key, and the prefix of its value. Protocols not listed take a bearer key."""
_BEARER = (b"authorization", b"Bearer ")
_PATHS = {"responses": "/responses", "chat": "/chat/completions", "anthropic": "/messages"}
_GEMINI_METHODS = {False: ":generateContent", True: ":streamGenerateContent?alt=sse"}


@dataclass(frozen=True, slots=True)
class UpstreamTimeouts:
    """How long each phase of a call may take, in seconds. None: no limit."""

    connect: float | None = 10.0
    pool: float | None = 10.0
    write: float | None = 60.0
    """Each wait for the server to take more of the request."""
    first_byte: float | None = 600.0
    """The wait for the head of the answer, and again for the first byte of its body."""
    idle: float | None = 300.0
    """Each later wait. None: no limit here, because the caller sets its own deadline, which costs less per chunk."""


class HttpUpstream:
    """One configured upstream. Safe for any number of calls at once."""

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str,
        *,
        transport: TrioTransport,
        protocol: str = "openai",
        timeouts: UpstreamTimeouts | None = None,
        allow_insecure: bool = False,
    ) -> None:
        """An empty `api_key` sends no authorization, for a server that the operator runs. The caller closes the transport.

        Raises ValueError for an unusable base URL or key.
        """
        timeouts = timeouts or UpstreamTimeouts()
        base = _checked_base(base_url, allow_insecure)
        self._name = name
        self._transport = transport
        self._base = base
        self._urls = {dialect: httpx.URL(base + path) for dialect, path in _PATHS.items()}
        self._headers = {stream: _fixed_headers(protocol, api_key, stream) for stream in (False, True)}
        self._idle_timeout = timeouts.idle
        self._extensions = {
            "timeout": {
                "connect": timeouts.connect,
                "pool": timeouts.pool,
                "write": timeouts.write,
                "read": timeouts.first_byte,
            }
        }

    @property
    def name(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"HttpUpstream({self._name!r}, {self._base!r})"

    async def open(self, call: UpstreamCall) -> UpstreamAnswer:
        """Raises UpstreamUnreachable, UpstreamTimeout, or UpstreamBroken if the answer is not valid HTTP."""
        # `stream=` skips httpx's inspection of a body that is already bytes; the transport adds Host and Content-Length.
        request = httpx.Request(
            "POST",
            self._url(call),
            headers=[*self._headers[call.stream], (b"x-client-request-id", call.request_id.encode("ascii"))],
            stream=httpx.ByteStream(call.body),
            extensions=self._extensions,
        )
        try:
            response = await self._transport.handle_async_request(request)
        except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError) as error:
            raise _opening_error(self._name, error) from error
        stream = response.stream
        assert isinstance(stream, AnswerStream)
        answer = _Answer(self._name, response.status_code, response.headers, stream, self._idle_timeout)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await answer.aclose()
            raise UpstreamBroken(self._name, "The upstream answered in a content encoding that was not requested.")
        return answer

    def _url(self, call: UpstreamCall) -> httpx.URL:
        if call.dialect == "gemini":
            return httpx.URL(f"{self._base}/models/{quote(call.model, safe='')}{_GEMINI_METHODS[call.stream]}")
        return self._urls[call.dialect]


class _Answer:
    __slots__ = ("_idle_timeout", "_stream", "_upstream", "headers", "status")

    def __init__(
        self, upstream: str, status: int, headers: Mapping[str, str], stream: AnswerStream, idle_timeout: float | None
    ) -> None:
        self.status = status
        self.headers = headers
        self._upstream = upstream
        self._stream = stream
        self._idle_timeout = idle_timeout

    async def receive(self) -> bytes:
        try:
            data = await self._stream.receive()
        except httpx.TimeoutException as error:
            raise UpstreamTimeout(
                self._upstream, "The upstream stopped sending in the middle of its answer."
            ) from error
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            raise UpstreamBroken(self._upstream, f"The upstream's answer ended early. {error}") from error
        self._stream.read_timeout = self._idle_timeout
        return data

    async def aclose(self) -> None:
        await self._stream.aclose()


def _opening_error(upstream: str, error: httpx.TransportError) -> UpstreamError:
    match error:
        case httpx.ConnectTimeout():
            return UpstreamTimeout(upstream, "The upstream could not be reached in time.")
        case httpx.PoolTimeout():
            return UpstreamTimeout(upstream, "No connection to the upstream became free in time.")
        case httpx.WriteTimeout():
            return UpstreamTimeout(upstream, "The upstream did not accept the request in time.")
        case httpx.TimeoutException():
            return UpstreamTimeout(upstream, "The upstream did not start to answer in time.")
        case httpx.NetworkError() | AnswerMissing():
            return UpstreamUnreachable(upstream, f"The upstream could not be reached. {error}")
        case _:
            return UpstreamBroken(upstream, f"The upstream's answer was malformed. {error}")


def _fixed_headers(protocol: str, api_key: str, stream: bool) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", b"application/json"),
        (b"accept", b"text/event-stream" if stream else b"application/json"),
        (b"accept-encoding", b"identity"),
        (b"user-agent", _user_agent()),
    ]
    if protocol == "anthropic":
        headers.append((b"anthropic-version", API_VERSION.encode()))
    if api_key:
        if not api_key.isascii() or not api_key.isprintable() or " " in api_key:
            raise ValueError("An API key consists of visible ASCII characters only.")
        name, before = _KEY_HEADERS.get(protocol, _BEARER)
        headers.append((name, before + api_key.encode("ascii")))
    return headers


@cache
def _user_agent() -> bytes:
    try:
        return b"realrouter/" + version("realrouter").encode("ascii")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return b"realrouter/dev"


def _checked_base(base_url: str, allow_insecure: bool) -> str:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ValueError(f"The base URL is not valid: {error}") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("A base URL starts with https:// (or http://) and names a host.")
    if url.userinfo or url.query or url.fragment:
        raise ValueError("A base URL has no user, no query and no fragment.")
    if url.scheme == "http" and not allow_insecure and not _is_loopback(url.host):
        raise ValueError("Plain http would send the key unencrypted: use https, or allow it for this upstream.")
    return str(url).rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
