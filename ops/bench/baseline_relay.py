"""Relays without billing, as baselines for the gateway.

`stock`: hypercorn's own server, a stock QuartTrio, one httpx.AsyncClient on its default transport. Bodies pass through unchanged.
`ours`:  the same relay on the gateway's own edge and transport: the difference from the gateway is the cost of billing.

    python -m ops.bench.baseline_relay stock|ours UPSTREAM_PORT [--meter]      prints its port
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import trio
from quart import Response, request

_PATHS = ("/v1/responses", "/v1/chat/completions")
CONNECTIONS_MAX = 2048
HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-bench", "accept-encoding": "identity"}


def stock(upstream: str) -> None:
    """Uses none of our code."""
    from hypercorn.config import Config
    from hypercorn.trio import serve
    from quart_trio import QuartTrio

    app = QuartTrio("relay")
    app.config["RESPONSE_TIMEOUT"] = None  # stock, except for the limits that would cut off a stream
    client: httpx.AsyncClient

    async def relay() -> Response:
        body = await request.get_data()
        sent = client.build_request("POST", upstream + request.path, content=body, headers=HEADERS)
        answer = await client.send(sent, stream=True)
        kind = answer.headers["content-type"]
        if kind.startswith("text/event-stream"):
            return Response(_parts(answer), status=answer.status_code, content_type=kind)
        try:
            return Response(await answer.aread(), status=answer.status_code, content_type=kind)
        finally:
            await answer.aclose()

    _route(app, relay)
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    config.backlog = 2048

    async def main() -> None:
        nonlocal client
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX)
        async with (
            httpx.AsyncClient(trust_env=False, limits=limits, timeout=600) as client,
            trio.open_nursery() as nursery,
        ):
            (url,) = await nursery.start(serve, app, config)
            print(url.rsplit(":", 1)[1], flush=True)

    trio.run(main)


async def _parts(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for part in answer.aiter_raw():
            yield part
    finally:
        await answer.aclose()


def ours(upstream: str) -> None:
    """The gateway's edge, upstream and transport, without a ledger, and without parsing the bodies."""
    from app.edge.application import make_app, request_id, stream_response
    from app.edge.body import BodyBudget, on_exit, read_body, reserve_for
    from app.edge.limits import ServerLimits
    from app.edge.server import open_sockets, serve
    from app.upstream.base import UpstreamAnswer, UpstreamCall
    from app.upstream.http import HttpUpstream, UpstreamTimeouts
    from app.upstream.http1.transport import PoolLimits, TrioTransport
    from ops.bench._stages import relay_meter

    meter = relay_meter() if "--meter" in sys.argv else None
    app, budget = make_app(), BodyBudget()
    transport = TrioTransport(limits=PoolLimits(connections_max=CONNECTIONS_MAX, keepalive_max=CONNECTIONS_MAX))
    timeouts = UpstreamTimeouts(idle=None)
    vendor = HttpUpstream("vendor", upstream + "/v1", "sk-bench", transport=transport, timeouts=timeouts)

    async def relay() -> Response:
        body = await read_body(request, 1 << 20, reserve_for(request, budget), json=True)
        endpoint = "chat" if request.path.endswith("completions") else "responses"
        streamed = b'"stream":true' in body
        answer = await vendor.open(UpstreamCall(endpoint, body, streamed, request_id(request)))  # type: ignore[arg-type]
        on_exit(request, answer.aclose)
        if streamed:
            return stream_response(received(answer))
        return Response(b"".join([part async for part in received(answer)]), content_type="application/json")

    async def received(answer: UpstreamAnswer) -> AsyncIterator[bytes]:
        while data := await answer.receive():
            yield data

    _route(app, relay)

    async def main() -> None:
        limits = ServerLimits(connections=CONNECTIONS_MAX)
        async with trio.open_nursery() as nursery:
            start = partial(serve, app, sockets=open_sockets(["127.0.0.1:0"]), limits=limits, shutdown=trio.Event())
            [port] = await nursery.start(start)
            if meter is not None:
                meter.start()
            print(port, flush=True)

    trio.run(main)


def _route(app: Any, relay: Any) -> None:
    for path in _PATHS:
        app.add_url_rule(path, endpoint=path, view_func=relay, methods=["POST"])


if __name__ == "__main__":
    {"stock": stock, "ours": ours}[sys.argv[1]](f"http://127.0.0.1:{sys.argv[2]}")
