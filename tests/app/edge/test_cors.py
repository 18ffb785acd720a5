"""What pages of other origins may read and ask: on /v1 everybody's, with a key; on /api those on the list, with a session."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import trio
from quart import Response

from app.edge.application import make_app
from app.edge.server import serve

LISTED = "https://app.example"


@pytest.fixture
async def client(nursery: trio.Nursery) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application with one route on each side."""
    app = make_app(cors_origins=(LISTED,))

    async def thing() -> Response:
        return Response(b"{}")

    for number, path in enumerate(("/v1/thing", "/api/thing", "/apis")):
        app.add_url_rule(path, endpoint=str(number), view_func=thing, methods=["GET", "POST"])
    shutdown = trio.Event()
    [port] = await nursery.start(lambda **started: serve(app, bind=["127.0.0.1:0"], shutdown=shutdown, **started))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client
    shutdown.set()


def told(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control")}


async def preflight(client: httpx.AsyncClient, path: str, origin: str) -> httpx.Response:
    asked = {
        "origin": origin,
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "content-type",
    }
    return await client.options(path, headers=asked)


async def test_a_listed_page_may_ask_with_its_session_and_read(client: httpx.AsyncClient) -> None:
    allowed = await preflight(client, "/api/thing", LISTED)
    assert allowed.status_code == 204
    told_before = told(allowed)
    assert told_before["access-control-allow-origin"] == LISTED
    assert told_before["access-control-allow-credentials"] == "true"
    assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= {
        method.strip() for method in told_before["access-control-allow-methods"].split(",")
    }
    assert told_before["access-control-allow-headers"] == "content-type"
    assert "Origin" in ", ".join(allowed.headers.get_list("vary"))
    answer = await client.post("/api/thing", headers={"origin": LISTED})
    assert told(answer)["access-control-allow-origin"] == LISTED
    assert told(answer)["access-control-allow-credentials"] == "true"
    assert "x-request-id" in told(answer)["access-control-expose-headers"]
    assert answer.headers.get_list("vary") == ["Origin"]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://app.example", "https://app.example.evil.example", "https://app.example:1"],
)
async def test_any_other_page_is_told_nothing(client: httpx.AsyncClient, origin: str) -> None:
    for answer in (
        await preflight(client, "/api/thing", origin),
        await client.post("/api/thing", headers={"origin": origin}),
        await client.get("/api/none", headers={"origin": origin}),
    ):
        assert told(answer) == {}
        assert "Origin" in ", ".join(answer.headers.get_list("vary"))


async def test_an_error_is_as_readable_as_an_answer(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/none", headers={"origin": LISTED})
    assert answer.status_code == 404
    assert told(answer)["access-control-allow-origin"] == LISTED


async def test_what_only_begins_like_the_api_is_not_the_api(client: httpx.AsyncClient) -> None:
    assert told(await client.get("/apis", headers={"origin": LISTED})) == {}


async def test_v1_is_open_to_all_pages_and_to_no_session(client: httpx.AsyncClient) -> None:
    for origin in (LISTED, "https://evil.example"):
        for answer in (
            await preflight(client, "/v1/thing", origin),
            await client.get("/v1/thing", headers={"origin": origin}),
        ):
            assert told(answer)["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in told(answer)
    assert told(await client.get("/v1/thing")) == {}
