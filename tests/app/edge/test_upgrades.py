"""Requests to switch to another protocol."""

from __future__ import annotations

import msgspec
import pytest
import trio

from tests.support.edge.api import Api
from tests.support.edge.world import everything
from tests.support.gateway.processes import PATIENCE_SECONDS

HANDSHAKE = (
    b"%b %b HTTP/%b\r\nhost: h\r\nconnection: %b\r\nupgrade: %b\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nopenai-beta: responses_websockets=2026-02-06\r\n\r\n"
)


@pytest.mark.parametrize(
    "path", [b"/v1/responses", b"/v1/responses/", b"/v1/realtime?model=gpt", b"/v1/models", b"/v1/none"]
)
@pytest.mark.parametrize("protocols", [b"websocket", b"WebSocket", b"h2c, websocket"])
async def test_a_websocket_handshake_is_426_and_closed(api: Api, path: bytes, protocols: bytes) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", api.port) as stream:
        with trio.fail_after(PATIENCE_SECONDS):
            await stream.send_all(HANDSHAKE % (b"GET", path, b"1.1", b"keep-alive, Upgrade", protocols))
            head, _, body = (await everything(stream)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 426 Upgrade Required\r\n")
    for field in (b"connection: close, upgrade", b"upgrade: HTTP/1.1", b"x-should-retry: false", b"x-request-id: req_"):
        assert field in head.split(b"\r\n") or field in head
    error = msgspec.json.decode(body)["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", "websocket_not_supported", None)


@pytest.mark.parametrize(
    ("method", "path", "version", "protocol"),
    [
        (b"GET", b"/v1/models", b"1.1", b"h2c"),
        (b"GET", b"/v1/models", b"1.0", b"websocket"),
        (b"GET", b"/healthz", b"1.1", b"websocket"),
        (b"POST", b"/v1/responses", b"1.1", b"h2c"),
        (b"POST", b"/v1/responses", b"1.1", b"websocket"),
    ],
)
async def test_any_other_upgrade_is_ignored(
    api: Api, method: bytes, path: bytes, version: bytes, protocol: bytes
) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", api.port) as stream:
        with trio.fail_after(PATIENCE_SECONDS):
            await stream.send_all(HANDSHAKE % (method, path, version, b"close, upgrade", protocol))
            answer = await everything(stream)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\r\nupgrade:" not in answer
