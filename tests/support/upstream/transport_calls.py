"""Calls and scripts that the tests of the transport share."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from app.upstream.http1.transport import AnswerStream, TrioTransport
from tests.fakes.scripted_upstream import (
    Head,
    Request,
    Script,
    ScriptedUpstream,
    Send,
    json_answer,
)

OK = json_answer({"ok": True})
OK_BODY = b'{"ok":true}'
CHUNKED = Head(200, (("transfer-encoding", "chunked"),))
TIMEOUTS = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}


def always(script: Script) -> Callable[[Request], Script]:
    return lambda request: script


def raw(data: bytes) -> Script:
    return [Send(data)]


def request_to(
    upstream: ScriptedUpstream, *, method: str = "POST", body: bytes = b"{}", **timeouts: float | None
) -> httpx.Request:
    extensions = {"timeout": {**TIMEOUTS, **timeouts}}
    return httpx.Request(method, upstream.base_url + "/x", content=body, extensions=extensions)


async def call(
    transport: TrioTransport, upstream: ScriptedUpstream, *, method: str = "POST", body: bytes = b"{}"
) -> tuple[int, bytes]:
    response = await transport.handle_async_request(request_to(upstream, method=method, body=body))
    assert isinstance(response.stream, AnswerStream)
    return response.status_code, await read_all(response.stream)


async def open_stream(transport: TrioTransport, request: httpx.Request) -> AnswerStream:
    response = await transport.handle_async_request(request)
    assert isinstance(response.stream, AnswerStream)
    return response.stream


async def read_all(stream: AnswerStream) -> bytes:
    return b"".join([data async for data in stream])


MakeTransport = Callable[..., TrioTransport]
