"""The Quart-Trio application that carries the routes, and how it runs under an ASGI server.

Rule 1: every error is an OpenAI envelope, mapped by app/errors.py; an error that table does not list is logged and answered 500.
Rule 2: an exit hook runs exactly once, under a shield, however its request ends.
Rule 3: every response carries x-request-id, and the client's own id if it sent a valid one.
Rule 4: nothing redirects. A path with one trailing slash is the same path; a path with `//` is a different one.
Rule 5: a path that `elsewhere` can answer from memory is answered before a Quart request is created.
Rule 6: any ASGI server on Trio will do. Under our own, the request's task is cancelled when the client leaves, and its Exchange
    fills the body; under another, a second task receives the body and cancels the request on http.disconnect.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import lru_cache
from inspect import iscoroutinefunction
from math import inf
from typing import Any, cast
from urllib.parse import urlparse

import trio
from quart import Quart, current_app, request
from quart.ctx import RequestContext
from quart.sessions import SessionInterface
from quart.wrappers import Request, Response
from quart.wrappers.response import DataBody, ResponseBody
from quart_trio import QuartTrio
from quart_trio.asgi import TrioASGIHTTPConnection
from quart_trio.wrappers import TrioRequest
from werkzeug import exceptions as http
from werkzeug.datastructures import Headers
from werkzeug.routing import RequestRedirect

from app.edge import cors
from app.edge.body import ON_EXIT, EdgeBody
from app.edge.h1 import EXCHANGE, REFUSED, decode_path
from app.edge.intake import Intake
from app.edge.request_id import new_request_id
from app.envelope import JSON
from app.errors import answer_for, is_expected
from app.faults import (
    ApiError,
    BadRequest,
    BodyTooLarge,
    MethodNotAllowed,
    NotFound,
    RequestTooSlow,
    ShuttingDown,
    UnsupportedMediaType,
    UpgradeRefused,
)
from app.website.site import WebsiteAnswer

LOG = logging.getLogger("realrouter.edge")
CLEANUP_SECONDS = 30.0
CLIENT_ID_LENGTH_MAX = 512
MAX_BODY_BYTES = 80 * 1024 * 1024
"""50 MB of files are 67 MB as base64."""
REQUEST_ID = "realrouter.request_id"
ANSWER_FIELDS = "realrouter.answer_fields"
CORS_ORIGINS = "REALROUTER_CORS_ORIGINS"
_PRINTABLE = re.compile(r"[\x20-\x7e]+")

Ready = Callable[[], Awaitable[str | None]]
"""None if ready, otherwise the reason in a sentence."""
Elsewhere = Callable[[dict[str, Any]], WebsiteAnswer | None]
"""Answers paths that no route serves. If it returns None, the routes answer. It neither waits nor reads the body."""


class EdgeRequest(TrioRequest):
    body_class = EdgeBody


class ReceivedHeaders(Headers):
    """A request's headers as received. The server has validated them, so this skips werkzeug's own validation."""

    def __init__(self, peer: str, raw: list[tuple[bytes, bytes]]) -> None:
        self._list = [("Remote-Addr", peer)]
        self._list += [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in raw if name != b"remote-addr"
        ]


class NoSession(SessionInterface):
    """Quart's cookie sessions are not used here."""

    async def open_session(self, app: Quart, request: Any) -> Any:
        return _NULL_SESSION

    def is_null_session(self, obj: object) -> bool:
        return True


_NULL_SESSION = SessionInterface.null_session_class()


class EdgeConnection(TrioASGIHTTPConnection):
    """One request, from its scope to the last byte of its response and the exit hooks after it."""

    async def __call__(self, receive: Any, send: Any) -> None:
        scope = cast(dict[str, Any], self.scope)
        if scope.get(REFUSED) is None and (found := self.app.elsewhere(scope)) is not None:  # type: ignore[attr-defined]
            await self._send_found(send, found)
            return
        hooks: list[Callable[[], Awaitable[None]]] = []
        scope[ON_EXIT] = hooks
        exchange = scope.get(EXCHANGE)
        try:
            if exchange is None:
                await super().__call__(receive, send)  # two tasks: handle_messages and handle_request
            else:
                request = self._create_request_from_scope(send)
                request.body.intake = exchange.intake  # type: ignore[attr-defined]
                await self._send_response(send, await self.app.handle_request(request))
        finally:
            if exchange is None and trio.current_effective_deadline() == -inf:
                self.app.on_cut()  # type: ignore[attr-defined]
            if hooks:
                await _run_hooks(hooks)

    async def handle_messages(self, nursery: trio.Nursery, request: Request, receive: Any) -> None:  # type: ignore[override]
        """Receive the body no faster than the application reads it; cancel the request when the client leaves."""
        intake: Intake = request.body.intake  # type: ignore[attr-defined]
        while (message := await receive())["type"] == "http.request":
            intake.push(message.get("body", b""))
            if not message.get("more_body", False):
                intake.finish()
            while intake.blocked:
                await intake.room()
        nursery.cancel_scope.cancel()

    async def handle_request(self, nursery: trio.Nursery, request: Request, send: Any) -> None:  # type: ignore[override]
        await self._send_response(send, await self.app.handle_request(request))
        nursery.cancel_scope.cancel()

    def _create_request_from_scope(self, send: Any) -> Request:
        scope = cast(dict[str, Any], self.scope)
        peer = (scope.get("client") or ("<local>",))[0]
        config = self.app.config
        return self.app.request_class(
            scope["method"],
            scope["scheme"],
            _address(scope),
            scope["query_string"],
            ReceivedHeaders(peer, scope["headers"]),
            "",
            scope["http_version"],
            max_content_length=config["MAX_CONTENT_LENGTH"],
            body_timeout=config["BODY_TIMEOUT"],
            send_push_promise=_no_push,
            scope=self.scope,
        )

    async def _send_found(self, send: Any, found: WebsiteAnswer) -> None:
        head = {"type": "http.response.start", "status": found.status, "headers": self._completed(list(found.fields))}
        await send(head)
        await send({"type": "http.response.body", "body": found.body, "more_body": False})

    async def _send_response(self, send: Any, response: Any) -> None:
        fields = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        head = {"type": "http.response.start", "status": response.status_code, "headers": self._completed(fields)}
        await send(head)
        if isinstance(response.response, DataBody):
            body = response.response
            await send({"type": "http.response.body", "body": body.data[body.begin : body.end], "more_body": False})
            return
        async with response.response as parts:
            async for part in parts:
                data = part.encode() if isinstance(part, str) else part
                await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _completed(self, fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """`fields` and those that every response carries."""
        if not any(name == b"x-request-id" for name, _ in fields):
            fields.append((b"x-request-id", request_id_of(cast(dict[str, Any], self.scope)).encode("ascii")))
        scope = cast(dict[str, Any], self.scope)
        fields += scope.get(ANSWER_FIELDS, ())
        for name, value in scope["headers"]:
            if name == b"x-client-request-id" and _is_sane(value):
                fields.append((name, value))
            elif name == b"origin":
                fields += cors.exposed(scope["path"], value, self.app.config[CORS_ORIGINS])
        return fields


class EdgeApplication(QuartTrio):
    """Quart-Trio without sessions, redirects and HTML errors, which an API never uses."""

    asgi_http_class = EdgeConnection
    request_class = EdgeRequest
    session_interface = NoSession()  # type: ignore[assignment]  # quart names its default's type
    elsewhere: Elsewhere = staticmethod(lambda _scope: None)
    on_cut: Callable[[], None] = staticmethod(lambda: None)
    """Called before a request's exit hooks if a server other than ours, not the client, has cancelled the request."""

    def ensure_async(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func if _is_async(func) else super().ensure_async(func)

    def raise_routing_exception(self, request: Any) -> Any:
        if isinstance(request.routing_exception, RequestRedirect):
            raise NotFound
        super().raise_routing_exception(request)

    async def preprocess_request(self, request_context: RequestContext | None = None) -> Any:
        assert request_context is not None
        early = _early_answer(request_context.request)
        return early if early is not None else await super().preprocess_request(request_context)


def make_app(
    *, max_body_bytes: int = MAX_BODY_BYTES, ready: Ready | None = None, cors_origins: tuple[str, ...] = ()
) -> EdgeApplication:
    """An application whose only routes are /healthz (the process is alive) and /readyz (`ready` reports whether it can serve).
    `cors_origins`: the origins whose pages may call /api with a session cookie."""
    app = EdgeApplication("realrouter", static_folder=None, template_folder=None)
    app.config.update(
        RESPONSE_TIMEOUT=None, BODY_TIMEOUT=None, MAX_CONTENT_LENGTH=max_body_bytes, PROPAGATE_EXCEPTIONS=False
    )
    app.config[CORS_ORIGINS] = frozenset(cors_origins)
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    app.url_map.redirect_defaults = False
    app.register_error_handler(Exception, error_response)

    @app.get("/healthz")
    async def healthz() -> Response:
        return Response("ok", mimetype="text/plain")

    @app.get("/readyz")
    async def readyz() -> Response:
        reason = await ready() if ready is not None else None
        if reason is None:
            return Response("ok", mimetype="text/plain")
        return Response(reason, status=503, mimetype="text/plain", headers={"retry-after": "1"})

    return app


def request_id(request: Request) -> str:
    """The gateway's id of this request: created once, sent as x-request-id."""
    return request_id_of(cast(dict[str, Any], request.scope))


def add_fields(request: Request, fields: Mapping[str, str]) -> None:
    """Add headers to this request's response, whatever its status."""
    there = cast(dict[str, Any], request.scope).setdefault(ANSWER_FIELDS, [])
    there += [(name.encode("ascii"), value.encode("ascii")) for name, value in fields.items()]


def set_request_id(request: Request, name: str) -> None:
    """Replace this request's id, before its response starts."""
    cast(dict[str, Any], request.scope)[REQUEST_ID] = name


def request_id_of(scope: dict[str, Any]) -> str:
    made: str | None = scope.get(REQUEST_ID)
    if made is None:
        made = scope[REQUEST_ID] = new_request_id()
    return made


def endpoint_of(path: str) -> str | None:
    """The endpoint whose error format applies to this path."""
    if path.startswith("/v1/responses"):
        return "responses"
    return "chat" if path.startswith("/v1/chat/") else None


def error_response(error: Exception) -> Response:
    """The response to an error that a route raised."""
    error = _ours(error)
    if not is_expected(error):
        LOG.error("a request failed", exc_info=error, extra={"request_id": request_id(request), "path": request.path})
    answer = answer_for(error, endpoint=endpoint_of(request.path))
    return Response(answer.body, status=answer.status, headers=dict(answer.headers), content_type=JSON)


class StreamBody(ResponseBody):
    """A body sent part by part as `iterator` yields it. The iterator is closed however the response ends."""

    def __init__(self, iterator: AsyncIterator[bytes]) -> None:
        self._iterator = iterator

    async def __aenter__(self) -> AsyncIterator[bytes]:
        return self._iterator

    async def __aexit__(self, *_error: object) -> None:
        close = getattr(self._iterator, "aclose", None)
        if close is not None:
            await close()


_STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}


def stream_response(events: AsyncIterator[bytes] | StreamBody, headers: Mapping[str, str] | None = None) -> Response:
    """A response of server-sent events, without a timeout. Its headers forbid proxies to buffer or transform it."""
    body = events if isinstance(events, StreamBody) else StreamBody(events)
    return Response(body, headers={**_STREAM_HEADERS, **(headers or {})})


def _early_answer(request: Request) -> Response | None:
    """The response, if any, that precedes routing. Raises the errors that do."""
    scope = cast(dict[str, Any], request.scope)
    refused = scope.get(REFUSED)
    if EXCHANGE not in scope:  # a server other than ours does not check the path
        _path, refused = decode_path(scope.get("raw_path") or scope["path"].encode())
    if refused is not None:
        raise refused
    if scope["path"].startswith("//"):
        raise NotFound  # werkzeug would merge the slashes
    origin = request.headers.get("Origin")
    if request.method == "OPTIONS" and origin is not None:
        allowed = current_app.config[CORS_ORIGINS]
        if cors.answers_preflight(scope["path"], origin, allowed):
            requested = request.headers.get("Access-Control-Request-Headers")
            methods = cors.ALLOWED_METHODS if cors.is_open(scope["path"]) else cors.API_METHODS
            return Response(DataBody(b""), status=204, headers=cors.preflight(requested, methods))
    if _opens_websocket(request):
        raise UpgradeRefused(
            "This server has no WebSockets. Send the request over HTTP: for a stream, POST it with `stream` set to true."
        )
    encoding = request.headers.get("Content-Encoding")
    if encoding is not None and encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(
            "Compressed request bodies are not supported. Send the body without Content-Encoding."
        )
    return None


def _opens_websocket(request: Request) -> bool:
    """Whether this is a handshake of RFC 6455 at an API path. Codex starts with one; after a 426 it uses HTTP from then on."""
    if request.method != "GET" or request.http_version == "1.0" or not request.path.startswith("/v1/"):
        return False
    return any(name.strip().lower() == "websocket" for name in request.headers.get("Upgrade", "").split(","))


def _address(scope: dict[str, Any]) -> str:
    path: str = scope["path"]
    if not path.startswith("/"):
        path = urlparse(path).path
    # Only the raw path distinguishes a trailing slash from an escaped one (%2F) at the end of a model id.
    if len(path) > 1 and path.endswith("/") and scope.get("raw_path", b"/").endswith(b"/"):
        path = path[:-1]
    return path


def _ours(error: Exception) -> Exception:
    """The ApiError for one of werkzeug's HTTP errors; any other error unchanged."""
    if not isinstance(error, http.HTTPException):
        return error
    if isinstance(error, http.MethodNotAllowed):
        return MethodNotAllowed(request.method, tuple(sorted(error.valid_methods or ())))
    if isinstance(error, http.RequestEntityTooLarge):
        return BodyTooLarge(current_app.config["MAX_CONTENT_LENGTH"])
    known: dict[int | None, ApiError] = {
        404: NotFound(),
        408: RequestTooSlow("The request body did not arrive in time."),
        415: UnsupportedMediaType("The Content-Type of the body is not supported."),
        503: ShuttingDown(),
    }
    if error.code in known:
        return known[error.code]
    if error.code is not None and error.code < 500:
        return BadRequest(error.description or "The request is not valid.")
    return error


async def _run_hooks(hooks: list[Callable[[], Awaitable[None]]]) -> None:
    while hooks:
        hook = hooks.pop()
        with trio.move_on_after(CLEANUP_SECONDS, shield=True) as scope:
            try:
                await hook()
            except Exception:
                LOG.exception("an exit hook failed")
        if scope.cancelled_caught:
            LOG.error("an exit hook took longer than %g s and was cancelled", CLEANUP_SECONDS)


async def _no_push(_path: str, _headers: Headers) -> None:
    """HTTP/1.1 has no server push."""


def _is_sane(client_id: bytes) -> bool:
    return len(client_id) <= CLIENT_ID_LENGTH_MAX and _PRINTABLE.fullmatch(client_id.decode("latin-1")) is not None


@lru_cache(maxsize=1024)
def _is_async(func: Callable[..., Any]) -> bool:
    return iscoroutinefunction(func)
