"""An application behind the edge whose routes show what the edge does, and what they saw."""

from __future__ import annotations

from collections.abc import AsyncIterator

import trio
from quart import Response, request

from app.edge.application import EdgeApplication, make_app, request_id, stream_response
from app.edge.body import BodyBudget, on_exit, read_body, reserve_for
from app.faults import Unauthorized
from domain.errors import ModelNotFound

BODY_LIMIT = 1000


class Api:
    """Routes that show what the edge does, and what they saw."""

    def __init__(self) -> None:
        self.budget = BodyBudget(4000)
        self.exits: list[str] = []
        self.reading = trio.Event()
        self.exited = trio.Event()
        self.unready: str | None = None
        self.port = 0
        self.shutdown = trio.Event()
        self.app = make_app(max_body_bytes=5000, ready=self.ready)
        self.route(self.app)

    async def ready(self) -> str | None:
        return self.unready

    async def noted(self) -> None:
        await trio.lowlevel.checkpoint()
        self.exits.append("noted")
        self.exited.set()

    def route(self, app: EdgeApplication) -> None:
        async def models() -> Response:
            return Response(b"[]", content_type="application/json")

        async def model(model: str) -> Response:
            return Response(model.encode())

        async def responses() -> Response:
            on_exit(request, self.noted)
            self.reading.set()
            body = await read_body(request, BODY_LIMIT, reserve_for(request, self.budget), seconds=30, json=True)
            if body == b"model":
                raise ModelNotFound("gone")
            return Response(body, headers={"x-held": str(self.budget.held_bytes), "x-own": request_id(request)})

        async def stream() -> Response:
            on_exit(request, self.noted)
            return stream_response(self.parts())

        async def keyed() -> Response:
            raise Unauthorized("foreign")

        async def broken() -> Response:
            on_exit(request, self.noted)
            raise RuntimeError("hunter2")

        async def hang() -> Response:
            on_exit(request, self.noted)
            self.reading.set()
            await trio.sleep_forever()
            raise AssertionError

        async def upload() -> Response:
            return Response(str(len(await request.get_data())))

        app.add_url_rule("/v1/models", view_func=models)
        app.add_url_rule("/v1/models/<path:model>", view_func=model)
        app.add_url_rule("/v1/responses", view_func=responses, methods=["POST"])
        app.add_url_rule("/v1/upload", view_func=upload, methods=["POST"])
        app.add_url_rule("/slashed/", view_func=models, endpoint="slashed")
        for view in (stream, keyed, broken, hang):
            app.add_url_rule(f"/v1/{view.__name__}", view_func=view)

    async def parts(self) -> AsyncIterator[bytes]:
        try:
            yield b"data: 1\n\n"
            await trio.lowlevel.checkpoint()
            yield b"data: 2\n\n"
        finally:
            self.exits.append("closed")
