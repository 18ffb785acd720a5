"""POST /v1/responses and POST /v1/chat/completions: the two endpoints that `completions` serves."""

from __future__ import annotations

from quart import Request, Response

from app.routes import shapes
from app.routes.completions import complete
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services

_ERRORS = (401, 402, 403, 404, 409, 422, 429, 502, 504)


async def responses(services: Services, request: Request) -> Response:
    return await complete(services, request, "responses")


async def chat_completions(services: Services, request: Request) -> Response:
    return await complete(services, request, "chat")


ROUTES = (
    Route(
        "POST",
        "/v1/responses",
        responses,
        Operation(
            "Create a response",
            tag="models",
            body=shapes.ResponsesRequest,
            answers={200: shapes.ResponseObject},
            errors=_ERRORS,
            caller="key",
            streams=True,
        ),
    ),
    Route(
        "POST",
        "/v1/chat/completions",
        chat_completions,
        Operation(
            "Create a chat completion",
            tag="models",
            body=shapes.ChatRequest,
            answers={200: shapes.ChatCompletion},
            errors=_ERRORS,
            caller="key",
            streams=True,
        ),
    ),
)
