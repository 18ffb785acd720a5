"""The HTTP surface: thin functions that parse, call and answer, hung on the application here."""

from __future__ import annotations

import time

import msgspec
from quart import Response, request
from quart_schema import DataSource

from app.accounts.auth import Key, authenticate
from app.edge.application import EdgeApplication, make_app
from app.payments.simulator import SimulatedVendor
from app.routes import (
    account,
    events,
    exports,
    keys,
    log,
    openapi,
    pay,
    payments,
    proofs,
    requests,
    session,
    shapes,
    statements,
    transactions,
    usage,
    website,
)
from app.routes.caller import cookie_name
from app.routes.completions import complete
from app.routes.files import delete_file, file_content, list_files, show_file, upload_file
from app.routes.models import list_models, show_model
from app.routes.openapi import describe
from app.services import Services
from app.website.opening import no_site
from app.website.site import Site

_OF_ANSWERS = (401, 402, 403, 404, 409, 422, 429, 502, 504)


def application(services: Services, site: Site | None = None) -> EdgeApplication:
    """The application over a process's services. `site`: the website; by default there is none."""
    server = services.settings.server
    app = make_app(
        max_body_bytes=server.max_body_bytes, ready=lambda: _ready(services), cors_origins=server.cors_origins
    )
    _describe_probes(app)
    _register_answers(app, services)
    _register_files(app, services)
    for part in (
        session,
        account,
        events,
        transactions,
        usage,
        requests,
        proofs,
        exports,
        statements,
        keys,
        payments,
        log,
    ):
        part.register(app, services)
    stripe = services.settings.stripe
    if stripe is not None and stripe.simulator and services.payments is not None:
        assert isinstance(services.payments.vendor, SimulatedVendor), "the settings say so"
        pay.register(app, services, services.payments.vendor)

    @app.get("/metrics")
    async def metrics() -> Response:
        body, content_type = services.metrics.render()
        return Response(body, content_type=content_type)

    openapi.register(app, cookie_name(services))
    website.register(app, site or no_site(https=server.public_url.startswith("https:")))
    return app


def _describe_probes(app: EdgeApplication) -> None:
    for name, summary, answers in (
        ("healthz", "Whether the process lives", {200: str}),
        ("readyz", "Whether it takes requests", {200: str, 503: str}),
    ):
        describe(summary, tag="server", answers=answers, media_type="text/plain")(app.view_functions[name])


def _register_answers(app: EdgeApplication, services: Services) -> None:
    @app.post("/v1/responses")
    @describe(
        "Make a response",
        tag="models",
        body=shapes.ResponsesRequest,
        answers={200: shapes.ResponseObject},
        errors=_OF_ANSWERS,
        caller="key",
        streams=True,
    )
    async def responses() -> Response:
        return await complete(services, request, "responses")

    @app.post("/v1/chat/completions")
    @describe(
        "Make a chat completion",
        tag="models",
        body=shapes.ChatRequest,
        answers={200: shapes.ChatCompletion},
        errors=_OF_ANSWERS,
        caller="key",
        streams=True,
    )
    async def chat_completions() -> Response:
        return await complete(services, request, "chat")

    @app.get("/v1/models")
    @describe("List models", tag="models", answers={200: shapes.ModelList}, errors=(401,), caller="key if any")
    async def models() -> Response:
        return _json(list_models(services, await _key_if_any(services)))

    @app.get("/v1/models/<path:model_id>")
    @describe("Show a model", tag="models", answers={200: shapes.ModelObject}, errors=(401, 404), caller="key if any")
    async def model(model_id: str) -> Response:
        return _json(show_model(services, await _key_if_any(services), model_id))


def _register_files(app: EdgeApplication, services: Services) -> None:
    @app.post("/v1/files")
    @describe(
        "Upload a file",
        tag="models",
        body=shapes.UploadForm,
        source=DataSource.FORM_MULTIPART,
        answers={200: shapes.FileObject},
        errors=(401, 402, 403, 429),
        caller="key",
    )
    async def upload() -> Response:
        return _json(await upload_file(services, request))

    @app.get("/v1/files")
    @describe(
        "List files",
        tag="models",
        query=shapes.FileQuery,
        answers={200: shapes.FileList},
        errors=(401, 404),
        caller="key",
    )
    async def files() -> Response:
        return _json(await list_files(services, request))

    @app.get("/v1/files/<file_id>")
    @describe("Show a file", tag="models", answers={200: shapes.FileObject}, errors=(401, 404), caller="key")
    async def file(file_id: str) -> Response:
        return _json(await show_file(services, request, file_id))

    @app.get("/v1/files/<file_id>/content")
    @describe(
        "Read a file",
        tag="models",
        answers={200: bytes},
        errors=(401, 404, 429),
        caller="key",
        media_type="application/pdf",
    )
    async def content(file_id: str) -> Response:
        return await file_content(services, request, file_id)

    @app.delete("/v1/files/<file_id>")
    @describe("Delete a file", tag="models", answers={200: shapes.FileDeletedObject}, errors=(401, 404), caller="key")
    async def delete(file_id: str) -> Response:
        return _json(await delete_file(services, request, file_id))


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
