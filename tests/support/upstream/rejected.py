"""Requests that the simulator must reject, each with the error that a vendor would return."""

from __future__ import annotations

from typing import Any

from app.wire.exchange import Endpoint
from tests.support.upstream.simulated import Json, chat, responses, send

Wrong = tuple[Endpoint, Any, int, str | None, str | None]
"""Endpoint and body of the request; status, parameter and code of the error."""


def with_parts(*parts: Json) -> Json:
    """A Responses request with one user message."""
    return responses([{"role": "user", "content": list(parts)}])


def chat_with_parts(*parts: Json) -> Json:
    """A chat request with one user message."""
    return chat([{"role": "user", "content": list(parts)}])


async def check_rejected(wrong: Wrong) -> None:
    endpoint, body, status, param, code = wrong
    got = await send(endpoint, body)
    assert got.status == status, got.body
    error = got.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert error["message"]
