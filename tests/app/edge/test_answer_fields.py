"""Headers that a route adds to its answer before it knows what that will be."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from quart import Response, request

from app.edge.application import EdgeApplication, add_fields, make_app, stream_response
from app.faults import Unauthorized


async def told(how: str) -> Response:
    add_fields(request, {"x-told": how})
    if how == "refused":
        raise Unauthorized("foreign")
    if how == "broken":
        raise RuntimeError("hunter2")
    return stream_response(parts()) if how == "streamed" else Response(b"")


async def parts() -> AsyncIterator[bytes]:
    yield b"data: 1\n\n"


@pytest.fixture
def app() -> EdgeApplication:
    app = make_app()
    app.add_url_rule("/v1/told/<how>", view_func=told)
    return app


@pytest.mark.parametrize(("how", "status"), [("plain", 200), ("streamed", 200), ("refused", 401), ("broken", 500)])
async def test_what_is_added_to_an_answer_is_there_whatever_it_turns_out_to_be_and_only_there(
    app: EdgeApplication, how: str, status: int
) -> None:
    client = app.test_client()
    answer = await client.get(f"/v1/told/{how}")
    assert (answer.status_code, answer.headers["x-told"]) == (status, how)
    assert "x-told" not in (await client.get("/healthz")).headers
