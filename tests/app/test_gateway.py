"""A process from its start to its orderly end: what runs is finished or released, and its clients are told."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import httpx
import pytest
import trio

from app.edge.server import open_sockets
from app.faults import PricesDiffer
from app.gateway import run_gateway
from app.ledger.codec import Codec
from app.ledger.store import SchemaMismatch
from app.services import open_ledger
from app.settings import parse
from domain.events import RequestDebited, RequestReleased
from tests.fakes.openai_shapes import responses_frames
from tests.fakes.scripted_upstream import Chunk, Head, Request, Script, WaitFor, serve
from tests.support.gateway.gateway import configuration, envelope, prepare, responses, running
from tests.support.ledger.books import check_books

SSE = (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))


async def refusal_of(text: str) -> BaseException:
    """Why a gateway of this configuration does not start."""
    listening = open_sockets(["127.0.0.1:0"])

    async def start() -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(run_gateway, parse(text), sockets=listening, shutdown=trio.Event()))
            nursery.cancel_scope.cancel()

    try:
        await start()
    except BaseExceptionGroup as group:
        return innermost(group)
    finally:
        for one in listening:
            one.close()
    raise AssertionError("it started")


def innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def test_a_database_that_was_not_migrated_is_refused(tmp_path: Path) -> None:
    error = await refusal_of(configuration(tmp_path))
    assert isinstance(error, SchemaMismatch)
    assert "migrate" in str(error)


async def test_prices_that_the_ledger_does_not_have_are_refused_by_name(tmp_path: Path) -> None:
    text = configuration(tmp_path)
    prepare(parse(text))
    error = await refusal_of(text.replace('input = "0.25", cached_input', 'input = "0.26", cached_input'))
    assert isinstance(error, PricesDiffer)
    assert "gpt-5.4-mini" in str(error)
    assert "prices apply" in str(error)


async def test_a_process_that_ended_leaves_nothing_and_another_starts_on_its_ledger(tmp_path: Path) -> None:
    for _ in range(2):
        text = configuration(tmp_path)
        settings = parse(text)
        if not (tmp_path / "realrouter.db").exists():
            prepare(settings)
        shutdown = trio.Event()
        with trio.fail_after(120):
            async with trio.open_nursery() as nursery:
                start = partial(run_gateway, settings, sockets=open_sockets(["127.0.0.1:0"]), shutdown=shutdown)
                [port] = await nursery.start(start)
                async with httpx.AsyncClient(trust_env=False) as http:
                    assert (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
                    assert (await http.get(f"http://127.0.0.1:{port}/healthz")).text == "ok"
                shutdown.set()


async def test_shutting_down_lets_what_runs_finish_within_the_grace_period(tmp_path: Path) -> None:
    go_on = trio.Event()
    whole = responses_frames(3)

    def script(request: Request) -> Script:
        return [Head(200, SSE), *map(Chunk, whole[:5]), WaitFor(go_on), *map(Chunk, whole[5:]), Chunk(b"")]

    async with (
        serve(script) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, limits={"grace": 20}) as gateway,
    ):
        client, idle = await gateway.connect(), await gateway.connect()
        await idle.send(b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n")
        await idle.head()
        await client.send(gateway.request_bytes("responses", responses(stream=True)))
        await client.read_until(b"output_text.delta")
        gateway.shutdown.set()
        await idle.read_to_end()  # an idle connection is closed at once
        with pytest.raises(OSError, match="refused"):
            await gateway.connect()
        go_on.set()
        rest = await client.read_to_end()
        assert b"response.completed" in rest
        assert b"data: [DONE]" in rest
        await gateway.recorded(1)
    assert [type(event) for event in books_of(tmp_path)] == [RequestDebited]


@pytest.mark.parametrize("stream", [False, True])
async def test_what_does_not_finish_in_the_grace_period_is_released_and_told(tmp_path: Path, stream: bool) -> None:
    def script(request: Request) -> Script:
        head: Script = [Head(200, SSE), *map(Chunk, responses_frames(3)[:5])] if stream else []
        return [*head, WaitFor(trio.Event())]

    async with (
        serve(script) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, limits={"grace": 0.2}) as gateway,
    ):
        client = await gateway.connect()
        await client.send(gateway.request_bytes("responses", responses(stream=stream)))
        if stream:
            await client.read_until(b"output_text.delta")
        else:
            await upstream.wait_until(lambda upstream: len(upstream.requests) == 1)
        gateway.shutdown.set()
        rest = await client.read_to_end()
        assert b"shutting_down" in rest
        if not stream:
            assert rest.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after: 1" in rest
        await upstream.connections[0].closed.wait()
    [event] = books_of(tmp_path)
    assert isinstance(event, RequestReleased)
    assert event.reason == "shutdown"


async def test_a_request_on_an_open_connection_while_shutting_down_is_a_503(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        gateway.services.instance.lease._draining = True
        answer = await gateway.post("responses", responses())
        envelope(answer, 503, "shutting_down")
        assert answer.headers["retry-after"] == "1"
        ready = await gateway.http.get(f"{gateway.origin}/readyz")
        assert ready.status_code == 503
        assert (await gateway.http.get(f"{gateway.origin}/healthz")).status_code == 200


def books_of(folder: Path) -> list[RequestDebited | RequestReleased]:
    codec = Codec()
    ledger = open_ledger(parse(configuration(folder)), codec)
    try:
        return check_books(ledger, codec)
    finally:
        ledger.close()
