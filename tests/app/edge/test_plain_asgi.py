"""The application under a server that is not ours, which speaks nothing but ASGI."""

from __future__ import annotations

from typing import Any

import trio
import trio.testing
from quart import request
from quart.wrappers import Response

from app.edge.application import EdgeApplication, make_app, stream_response
from app.edge.body import WINDOW_BYTES, BodyBudget, BodyParts, on_exit, read_body, reserve_for

PART = b"x" * 16_384


class PlainServer:
    """One request as any ASGI server passes it. `parts` are the body, received on demand; then the client stays until `leave`."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = list(parts)
        self.left = trio.Event()
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> Any:
        await trio.lowlevel.checkpoint()
        if self.parts:
            body = self.parts.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(self.parts)}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        await trio.lowlevel.checkpoint()

    def leave(self) -> None:
        self.left.set()

    async def run(self, app: EdgeApplication, path: str) -> None:
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.1"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"here")],
            "client": ("192.0.2.1", 5),
            "server": ("127.0.0.1", 80),
            "extensions": {},
        }
        await app(scope, self.receive, self.send)  # type: ignore[arg-type]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


class Waiting:
    """A route that waits, and what happened to it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.started = trio.Event()
        self.app = make_app()
        self.app.on_cut = lambda: self.events.append("cut")
        self.app.add_url_rule("/wait", view_func=self.wait, methods=["POST"])

    async def wait(self) -> Response:
        async def exited() -> None:
            self.events.append("exited")

        on_exit(request, exited)
        self.started.set()
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            self.events.append("cancelled")
            raise


async def test_a_body_in_parts_is_read_whole() -> None:
    app, budget = make_app(), BodyBudget()

    async def echo() -> Response:
        data = await read_body(request, 10**6, reserve_for(request, budget))
        return Response(b"%d" % len(data))

    app.add_url_rule("/echo", view_func=echo, methods=["POST"])
    server = PlainServer(*[PART] * 20)
    await server.run(app, "/echo")
    assert server.body == b"%d" % (20 * len(PART))
    assert budget.held_bytes == 0


async def test_a_body_is_received_no_faster_than_it_is_read() -> None:
    app, may_read, seen = make_app(), trio.Event(), 0

    async def slow() -> Response:
        nonlocal seen
        await may_read.wait()
        async for part in BodyParts(request, 10**7, seconds=60):
            seen += len(part)
        return Response(b"read")

    app.add_url_rule("/slow", view_func=slow, methods=["POST"])
    server = PlainServer(*[PART] * 100)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run, app, "/slow")
        await trio.testing.wait_all_tasks_blocked()
        assert (100 - len(server.parts)) * len(PART) == WINDOW_BYTES
        may_read.set()
    assert seen == 100 * len(PART)
    assert server.body == b"read"


async def test_a_client_that_leaves_cancels_the_request_and_runs_its_exit_hooks() -> None:
    waiting, server = Waiting(), PlainServer(b"")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run, waiting.app, "/wait")
        await waiting.started.wait()
        server.leave()
    assert waiting.events == ["cancelled", "exited"]


async def test_a_client_that_leaves_a_stream_cancels_it() -> None:
    app, server, closed = make_app(), PlainServer(b""), trio.Event()

    async def parts() -> Any:
        try:
            yield b"data: 1\n\n"
            server.leave()
            await trio.sleep_forever()
        finally:
            closed.set()

    async def stream() -> Response:
        return stream_response(parts())

    app.add_url_rule("/stream", view_func=stream, methods=["POST"])
    await server.run(app, "/stream")
    assert server.body == b"data: 1\n\n"
    assert closed.is_set()


async def test_a_server_that_cancels_the_request_is_not_a_client_that_left() -> None:
    waiting, server = Waiting(), PlainServer(b"")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run, waiting.app, "/wait")
        await waiting.started.wait()
        nursery.cancel_scope.cancel()
    assert waiting.events == ["cancelled", "cut", "exited"]
