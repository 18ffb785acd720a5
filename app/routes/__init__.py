"""The HTTP surface: thin functions that parse, call and answer, hung on the application here."""

from __future__ import annotations

import time

import msgspec
from quart import Response, request

from app.auth import Key, authenticate
from app.edge.application import EdgeApplication, make_app
from app.routes.completions import complete
from app.routes.files import delete_file, file_content, list_files, show_file, upload_file
from app.routes.models import list_models, show_model
from app.services import Services


def application(services: Services) -> EdgeApplication:
    """The application over a process's services."""
    app = make_app(max_body_bytes=services.settings.server.max_body_bytes, ready=lambda: _ready(services))

    @app.post("/v1/responses")
    async def responses() -> Response:
        return await complete(services, request, "responses")

    @app.post("/v1/chat/completions")
    async def chat_completions() -> Response:
        return await complete(services, request, "chat")

    @app.get("/v1/models")
    async def models() -> Response:
        return _json(list_models(services, await _key_if_any(services)))

    @app.get("/v1/models/<path:model_id>")
    async def model(model_id: str) -> Response:
        return _json(show_model(services, await _key_if_any(services), model_id))

    @app.post("/v1/files")
    async def upload() -> Response:
        return _json(await upload_file(services, request))

    @app.get("/v1/files")
    async def files() -> Response:
        return _json(await list_files(services, request))

    @app.get("/v1/files/<file_id>")
    async def file(file_id: str) -> Response:
        return _json(await show_file(services, request, file_id))

    @app.get("/v1/files/<file_id>/content")
    async def content(file_id: str) -> Response:
        return await file_content(services, request, file_id)

    @app.delete("/v1/files/<file_id>")
    async def delete(file_id: str) -> Response:
        return _json(await delete_file(services, request, file_id))

    @app.get("/metrics")
    async def metrics() -> Response:
        body, content_type = services.metrics.render()
        return Response(body, content_type=content_type)

    return app


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), content_type="application/json")


async def _key_if_any(services: Services) -> Key | None:
    authorization = request.headers.get("authorization")
    if authorization is None:
        return None
    return await authenticate(services.keys, authorization, now_micros=time.time_ns() // 1000)


async def _ready(services: Services) -> str | None:
    if services.lifetime.draining:
        return "shutting down"
    return None if services.lifetime.lease_good else "the ledger is out of reach"
