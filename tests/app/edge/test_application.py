"""The application over a real socket: envelopes, addresses, ids, CORS, bodies, streams and exit hooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import trio
from quart import Response, request

from app.edge.application import stream_response
from app.edge.body import on_exit, read_body, reserve_for
from tests.support.edge.api import BODY_LIMIT, Api


@pytest.fixture
async def client(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{api.port}", trust_env=False) as client:
        yield client


def error_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/json"
    error: dict[str, Any] = answer.json()["error"]
    assert {"message", "type", "param", "code"} <= error.keys()
    return error


async def test_the_process_says_that_it_lives_and_whether_it_can_serve(api: Api, client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).text == "ok"
    assert (await client.get("/readyz")).text == "ok"
    api.unready = "the store is out of reach"
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "the store is out of reach")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1/responses", 405, "method_not_allowed"),
        ("GET", "/v1//models", 404, "not_found"),
        ("GET", "/v1/models//", 404, "not_found"),
        ("GET", "/slashed", 404, "not_found"),
        ("GET", "/v1/models/%00", 400, "bad_path"),
        ("GET", "/v1/models/%ff", 400, "bad_path"),
        ("GET", "/v1/keyed", 401, "invalid_api_key"),
        ("BREW", "/v1/models", 405, "method_not_allowed"),
    ],
)
async def test_every_refusal_is_an_envelope(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    assert answer.headers["x-request-id"].startswith("req_")
    if status == 405:
        assert "OPTIONS" in answer.headers["allow"]


async def test_a_bug_is_500_logged_and_hidden(
    api: Api, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get("/v1/broken")
    assert (answer.status_code, error_of(answer)["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.text
    assert "hunter2" in caplog.text
    await api.exited.wait()
    assert api.exits == ["noted"]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/"])
async def test_one_trailing_slash_is_the_same_address(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.text) == (200, "[]")


@pytest.mark.parametrize("path", ["//v1/models", "///v1/models"])
async def test_two_slashes_are_another_address(api: Api, path: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{api.port}{path}")
    assert (answer.status_code, error_of(answer)["code"]) == (404, "not_found")


@pytest.mark.parametrize("sent", ["a/b", "a%2Fb", "a/b/"])
async def test_a_model_may_have_a_slash_in_its_name(client: httpx.AsyncClient, sent: str) -> None:
    assert (await client.get(f"/v1/models/{sent}")).text == "a/b"


async def test_head_works(client: httpx.AsyncClient) -> None:
    answer = await client.head("/v1/models")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "2")


async def test_ids_are_ours_and_the_clients_own_is_echoed(client: httpx.AsyncClient) -> None:
    first = await client.post("/v1/responses", content=b"{}", headers={"x-client-request-id": "abc-1"})
    second = await client.post("/v1/responses", content=b"{}", headers={"x-client-request-id": "x" * 513})
    third = await client.post("/v1/responses", content=b"{}", headers=[(b"x-client-request-id", b"\xc3\xa9")])
    assert first.headers["x-client-request-id"] == "abc-1"
    assert "x-client-request-id" not in second.headers
    assert "x-client-request-id" not in third.headers
    assert first.headers["x-request-id"] == first.headers["x-own"]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert len(first.headers["x-request-id"]) == len("req_") + 32
    assert "server" not in first.headers


async def test_a_preflight_is_answered_for_any_origin_without_a_key(client: httpx.AsyncClient) -> None:
    asked = {"origin": "https://x.example", "access-control-request-method": "POST"}
    answer = await client.options("/v1/keyed", headers={**asked, "access-control-request-headers": "x-stainless-os"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == "x-stainless-os"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer.headers
    huge = await client.options("/v1/keyed", headers={**asked, "access-control-request-headers": "x," * 2000})
    assert "authorization" in huge.headers["access-control-allow-headers"]


async def test_answers_and_errors_of_v1_are_open_to_other_origins(client: httpx.AsyncClient) -> None:
    for path in ("/v1/models", "/v1/keyed", "/v1/nothing"):
        answer = await client.get(path, headers={"origin": "https://x.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "x-request-id" in answer.headers["access-control-expose-headers"]
    closed = await client.get("/healthz", headers={"origin": "https://x.example"})
    assert "access-control-allow-origin" not in closed.headers


@pytest.mark.parametrize("content_type", [None, "application/json", "application/json; charset=utf-8"])
async def test_json_may_be_spelled_leniently(client: httpx.AsyncClient, content_type: str | None) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = await client.post("/v1/responses", content=b'{"a":1}', headers=headers)
    assert (answer.status_code, answer.content) == (200, b'{"a":1}')


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-encoding": "gzip"},
        {"content-encoding": "identity, br"},
    ],
)
async def test_what_cannot_be_read_is_415(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/v1/responses", content=b"x", headers=headers)
    assert (answer.status_code, error_of(answer)["code"]) == (415, "unsupported_media_type")


async def test_errors_are_spelled_as_the_endpoint_spells_them(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/responses", content=b"model")
    assert (answer.status_code, error_of(answer)["param"]) == (400, "model")


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_body_past_the_limit_is_413_declared_or_chunked(api: Api, client: httpx.AsyncClient) -> None:
    declared = await client.post("/v1/responses", content=b"x" * (BODY_LIMIT + 1))
    chunked = await client.post("/v1/responses", content=chunks(*[b"x" * 100] * 11))
    whole = await client.post("/v1/responses", content=chunks(*[b"x" * 100] * 10))
    quarts_own = await client.post("/v1/upload", content=b"x" * 5001)
    for answer in (declared, chunked, quarts_own):
        assert (answer.status_code, error_of(answer)["code"]) == (413, "request_too_large")
    assert (whole.status_code, len(whole.content), whole.headers["x-held"]) == (200, 1000, "1000")
    assert (await client.post("/v1/upload", content=b"x" * 5000)).text == "5000"
    assert api.budget.held_bytes == 0


async def test_past_the_budget_it_is_503_before_reading(api: Api, client: httpx.AsyncClient) -> None:
    held = api.budget.reserve(3500)
    for content in (b"x" * 600, chunks(b"x" * 600)):
        answer = await client.post("/v1/responses", content=content)
        assert (answer.status_code, error_of(answer)["code"]) == (503, "overloaded")
        assert answer.headers["retry-after"] == "1"
    held.release()
    held.release()
    assert api.budget.held_bytes == 0
    assert (await client.post("/v1/responses", content=b"x" * 600)).status_code == 200


async def test_a_body_that_does_not_come_is_408(api: Api, autojump_clock: trio.testing.MockClock) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", api.port) as stream:
        await stream.send_all(b"POST /v1/responses HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhalf")
        answer = await stream.receive_some()
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"request_timeout" in answer
        assert trio.current_time() >= 30
    assert api.budget.held_bytes == 0


async def test_a_broken_chunked_body_is_400(api: Api) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", api.port) as stream:
        await stream.send_all(b"POST /v1/responses HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n")
        answer = await stream.receive_some()
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"bad_http" in answer


async def test_a_stream_is_not_to_be_buffered_and_its_iterator_is_closed(api: Api, client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/stream")
    assert answer.text == "data: 1\n\ndata: 2\n\n"
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["transfer-encoding"] == "chunked"
    await api.exited.wait()
    assert api.exits == ["closed", "noted"]


async def test_a_client_that_leaves_while_it_waits_runs_the_hooks_once(api: Api) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", api.port)
    await stream.send_all(b"GET /v1/hang HTTP/1.1\r\nhost: h\r\n\r\n")
    await api.reading.wait()
    await stream.aclose()
    await api.exited.wait()
    assert api.exits == ["noted"]


async def test_a_client_that_leaves_within_its_body_runs_the_hooks_and_frees_the_budget(api: Api) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", api.port)
    await stream.send_all(b"POST /v1/responses HTTP/1.1\r\nhost: h\r\ncontent-length: 900\r\n\r\nhalf")
    await api.reading.wait()
    await trio.testing.wait_all_tasks_blocked()
    assert api.budget.held_bytes == 900
    await stream.aclose()
    await api.exited.wait()
    assert (api.exits, api.budget.held_bytes) == (["noted"], 0)


async def test_clients_that_vanish_at_any_moment_leave_nothing_behind(api: Api) -> None:
    started = ended = 0

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(50):
            await trio.lowlevel.checkpoint()
            yield b"x" * 100

    async def view() -> Response:
        nonlocal started
        started += 1
        on_exit(request, exited)
        await read_body(request, BODY_LIMIT, reserve_for(request, api.budget))
        return stream_response(parts())

    async def exited() -> None:
        nonlocal ended
        await trio.lowlevel.checkpoint()
        ended += 1

    async def vanish(sent: int, received: int) -> None:
        async with await trio.open_tcp_stream("127.0.0.1", api.port) as stream:
            await stream.send_all(whole[:sent])
            if sent == len(whole):
                for _ in range(received):
                    await stream.receive_some(200)

    whole = b"POST /vanish HTTP/1.1\r\nhost: h\r\ncontent-length: 20\r\n\r\n" + b"x" * 20
    api.app.add_url_rule("/vanish", view_func=view, methods=["POST"])
    async with trio.open_nursery() as nursery:
        for n in range(300):
            nursery.start_soon(vanish, (n * 7) % len(whole) if n % 2 else len(whole), n % 11)
    await trio.testing.wait_all_tasks_blocked(0.05)
    assert started == ended > 150
    assert api.budget.held_bytes == 0


async def test_at_the_end_of_the_grace_the_hooks_run(api: Api, autojump_clock: trio.testing.MockClock) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", api.port) as stream:
        await stream.send_all(b"GET /v1/hang HTTP/1.1\r\nhost: h\r\n\r\n")
        await api.reading.wait()
        api.shutdown.set()
        assert b"shutting_down" in await stream.receive_some()
    assert api.exits == ["noted"]


async def test_a_hook_that_fails_does_not_keep_the_others_from_running(
    api: Api, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails() -> None:
        raise RuntimeError("no")

    async def view() -> Response:
        on_exit(request, api.noted)
        on_exit(request, fails)
        return Response("ok")

    api.app.add_url_rule("/hooks", view_func=view)
    assert (await client.get("/hooks")).text == "ok"
    await api.exited.wait()
    assert "an exit hook failed" in caplog.text


async def test_quarts_test_client_works_too(api: Api) -> None:
    answer = await api.app.test_client().post("/v1/responses", data=b"{}")
    assert (answer.status_code, await answer.get_data()) == (200, b"{}")
    assert api.exits == ["noted"]
