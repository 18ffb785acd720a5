"""The HTTP side of the fake Stripe: requests in the library's encoding, answers in the API's shapes, and faults on the way.

`FakeTransport` stands in for the network inside a process; `serving` is a real server on a real socket.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import h11
import httpx
import trio

from tests.fakes.stripe_model import Object, StripeError, StripeState, shown_of

PAGE_DEFAULT, PAGE_MAX = 10, 100
_STEP = re.compile(r"[^\[\]]+|(?<=\[)(?=\])")
Answer = tuple[int, Any]


@dataclass
class Faults:
    """How many of the next requests fail, and how. A test sets these, and reads which were used up."""

    lose_response_after_acting: int = 0
    status_500: int = 0
    rate_limit: int = 0
    met: list[str] = field(default_factory=list)

    def clear(self) -> None:
        for each in fields(self):
            setattr(self, each.name, [] if each.name == "met" else 0)

    def take(self, name: str) -> bool:
        left = getattr(self, name)
        if left:
            setattr(self, name, left - 1)
            self.met.append(name)
        return bool(left)


class Lost(Exception):
    """The connection ends without an answer."""


def answer(
    state: StripeState, faults: Faults, key: str, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    """One request. Raises Lost."""
    if headers.get("authorization") != f"Bearer {key}":
        return 401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}
    if faults.take("status_500"):
        return 500, {"error": {"type": "api_error", "message": "An unknown error occurred"}}
    if faults.take("rate_limit"):
        return 429, {"error": {"type": "rate_limit_error", "code": "rate_limit", "message": "Too many requests"}}
    parts = urlsplit(target)
    params = decoded(parts.query if method == "GET" else body.decode())
    try:
        status, told = 200, _route(state, method, parts.path.removeprefix("/v1/"), params, headers)
    except StripeError as error:
        status, told = error.status, error.body
    if method == "POST" and faults.take("lose_response_after_acting"):
        raise Lost
    return status, told


def decoded(text: str) -> Object:
    """The library's nested form encoding: a[b][0][c]=x."""
    root: Object = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        at, steps = root, _STEP.findall(name)
        for step in steps[:-1]:
            at = at.setdefault(step, {})
        at[steps[-1]] = value
    return {name: _lists(value) for name, value in root.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(each) for name, each in value.items()}
    return list(inner.values()) if inner and all(name.isdigit() for name in inner) else inner


def _route(state: StripeState, method: str, path: str, params: Object, headers: Mapping[str, str]) -> Any:
    kind, _, rest = path.removeprefix("checkout/").partition("/")
    if method == "POST":
        create: dict[str, Callable[[Object], Object]] = {
            "sessions": state.create_session,
            "payment_intents": state.create_intent,
        }
        asked = json.dumps([path, params], sort_keys=True)
        return shown_of(state.once(headers.get("idempotency-key"), asked, lambda: create[kind](params)))
    objects: dict[str, dict[str, Object]] = {
        "sessions": state.sessions,
        "payment_intents": state.intents,
        "refunds": state.refunds,
        "disputes": state.disputes,
        "events": {event["id"]: event for event in state.events},
    }
    if kind not in objects:
        raise StripeError(404, "invalid_request_error", None, f"Unrecognized request URL ({method} {path})")
    if not rest:
        return _page(path, list(objects[kind].values()), params)
    if rest not in objects[kind]:
        raise StripeError(404, "invalid_request_error", "resource_missing", "No such thing")
    found = shown_of(objects[kind][rest])
    if "payment_intent" in params.get("expand", ()) and found.get("payment_intent"):
        found["payment_intent"] = shown_of(state.intents[found["payment_intent"]])
    return found


def _page(path: str, objects: list[Object], params: Object) -> Object:
    """Newest first."""
    found = [each for each in reversed(objects) if _matches(each, params)]
    if "starting_after" in params:
        ids = [each["id"] for each in found]
        found = found[ids.index(params["starting_after"]) + 1 :]
    limit = min(int(params.get("limit", PAGE_DEFAULT)), PAGE_MAX)
    page = {"object": "list", "url": f"/v1/{path}", "has_more": len(found) > limit}
    return {**page, "data": [shown_of(each) for each in found[:limit]]}


def _matches(found: Object, params: Object) -> bool:
    created = params.get("created") or {}
    if found["created"] < int(created.get("gte", 0)):
        return False
    if "types" in params and found["type"] not in params["types"]:
        return False
    return all(found.get(name) == params[name] for name in ("payment_intent", "customer") if name in params)


class FakeTransport(httpx.AsyncBaseTransport):
    """The network between the library and the fake."""

    def __init__(self, state: StripeState, key: str) -> None:
        self.state = state
        self.faults = Faults()
        self.asked: list[tuple[str, str]] = []
        self._key = key

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await trio.lowlevel.checkpoint()
        target = request.url.raw_path.decode()
        self.asked.append((request.method, target))
        body = await request.aread()
        try:
            status, told = answer(self.state, self.faults, self._key, request.method, target, request.headers, body)
        except Lost:
            raise httpx.ReadError("the connection ended", request=request) from None
        return httpx.Response(status, json=told)


@asynccontextmanager
async def serving(state: StripeState, key: str, faults: Faults | None = None) -> AsyncIterator[str]:
    """A server on 127.0.0.1 while the block runs; its address."""
    faults = faults if faults is not None else Faults()

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            await _serve(stream, state, key, faults)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def _serve(stream: trio.SocketStream, state: StripeState, key: str, faults: Faults) -> None:
    connection = h11.Connection(h11.SERVER)
    while True:
        request, body = await _receive(stream, connection)
        if request is None:
            return
        headers = {name.decode(): value.decode() for name, value in request.headers}
        try:
            status, told = answer(state, faults, key, request.method.decode(), request.target.decode(), headers, body)
        except Lost:
            return
        data = json.dumps(told).encode()
        head = [("content-type", "application/json"), ("content-length", str(len(data)))]
        for event in (h11.Response(status_code=status, headers=head), h11.Data(data=data), h11.EndOfMessage()):
            await stream.send_all(connection.send(event) or b"")
        if connection.our_state is h11.MUST_CLOSE:
            return
        connection.start_next_cycle()


async def _receive(stream: trio.SocketStream, connection: h11.Connection) -> tuple[h11.Request | None, bytes]:
    request, body = None, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            try:
                connection.receive_data(await stream.receive_some())
            except trio.BrokenResourceError:
                return None, b""
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return request, body
        else:
            return None, b""
