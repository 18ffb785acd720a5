"""Stock Hypercorn serves the gateway: the money is right when a client pays, leaves, or meets a shutdown."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from app.asgi import Gateway
from domain.events import RequestDebited, RequestReleased
from projections.runner import Runner
from tests.fakes.openai_shapes import event_stream, responses_frames
from tests.fakes.scripted_upstream import Request, Script, Stall, serve
from tests.support.clients.callers import Call, ask
from tests.support.clients.raw_client import RawClient
from tests.support.gateway.processes import PATIENCE_SECONDS, House, config, eventually, house
from tests.support.gateway.stock_hypercorn import stock_hypercorn
from tests.support.ledger.reckoning import available, check_settled, held, read_books

BALANCE_NANOS = 10**10
FRAMES = 5


@contextmanager
def a_house(folder: Path, **settings: Any) -> Iterator[House]:
    with house(folder, config(f"sqlite:///{folder / 'ledger.db'}", **settings)) as made:
        yield made


def script(request: Request) -> Script:
    """A whole answer; or one that never ends, if the client asks for it."""
    whole = event_stream(responses_frames(FRAMES))
    return [*whole[:-3], Stall()] if b"endless" in request.body else whole


async def until_it_streams(call: Call, port: int) -> None:
    await call.send(port)
    assert await call.head() == 200, call
    while b"response.output_text.delta" not in call.received:
        assert await call.more(), call


async def test_clients_pay_and_leave_and_meet_a_shutdown(tmp_path: Path) -> None:
    async with serve(script) as upstream:
        vendor = f'protocol = "openai"\nbase_url = "{upstream.base_url}"\napi_key = "sk-upstream"'
        with a_house(tmp_path, upstream=vendor) as house, stock_hypercorn(house, "--graceful-timeout", "1") as server:
            account_id, key = house.account(nanos=BALANCE_NANOS)
            await server.ready()
            paying, leaving, meeting = (
                Call(account_id, key, "responses", ask(text=text)) for text in ("Hello", "endless", "endless")
            )

            await paying.run(server.port)
            assert paying.complete, paying
            assert paying.headers["x-request-id"] == paying.request_id

            await until_it_streams(leaving, server.port)
            assert held(house.ledger, account_id) > 0
            leaving.close()
            with trio.fail_after(PATIENCE_SECONDS):
                await upstream.connections[upstream.requests[-1].connection].closed.wait()
            await eventually(lambda: held(house.ledger, account_id) == 0, PATIENCE_SECONDS)

            await until_it_streams(meeting, server.port)
            server.process.send_signal(signal.SIGTERM)
            assert await server.ended() == 0, server.log.read_text()
            meeting.close()

            books = read_books(house.ledger, house.codec)
            check_settled(books)
            [paid], [left], [met] = (books.settled[call.request_id] for call in (paying, leaving, meeting))
            assert isinstance(paid, RequestDebited)
            assert paid.usage.output == FRAMES
            assert available(house.ledger, account_id) == BALANCE_NANOS - paid.cost_nanos
            assert isinstance(left, RequestReleased)
            assert isinstance(met, RequestReleased)
            assert (left.reason, met.reason) == ("cancelled", "shutdown")
            assert not house.ledger.live_instances()  # type: ignore[attr-defined]


async def test_the_simulator_bodies_errors_and_the_website(tmp_path: Path) -> None:
    with a_house(tmp_path) as house, stock_hypercorn(house) as server:
        _account_id, key = house.account(nanos=BALANCE_NANOS)
        await server.ready()
        origin = f"http://127.0.0.1:{server.port}"
        async with httpx.AsyncClient(base_url=origin, headers={"authorization": f"Bearer {key}"}, timeout=60) as client:
            plain = await client.post("/v1/chat/completions", content=ask("chat", stream=False))
            assert plain.json()["choices"][0]["finish_reason"] == "stop"
            large = ask("chat", stream=False, text="x" * 1_000_000)
            assert (await client.post("/v1/chat/completions", content=large)).status_code == 200
            unknown = await client.get("/v1/nothing")
            assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "invalid_request_error")
            assert unknown.headers["x-request-id"].startswith("req_")
            assert (await client.get("/readyz")).text == "ok"
            page = await client.get("/")
            assert "text/html" in page.headers["content-type"]
        announcing = await RawClient.connect(server.port)
        head = (
            f"POST /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: {10**9}\r\n\r\n"
        )
        async with announcing.stream:
            await announcing.send(head.encode())
            status, _headers, answer = await announcing.answer()
            assert (status, answer["error"]["code"]) == (413, "request_too_large")


async def test_a_ledger_without_its_schema_fails_the_startup(tmp_path: Path) -> None:
    with a_house(tmp_path) as house:
        house.config_path.write_text(config(f"sqlite:///{tmp_path / 'other.db'}"))
        with stock_hypercorn(house) as server:
            await server.ended()
        assert "run `realrouter migrate`" in server.log.read_text()


async def test_a_websocket_is_closed_and_a_request_without_a_lifespan_is_an_error() -> None:
    sent = []

    async def receive() -> Any:
        raise AssertionError("nothing is received")

    async def send(message: Any) -> None:
        sent.append(message)

    gateway, scope = Gateway(), dict[str, Any](type="websocket")
    await gateway(scope, receive, send)  # type: ignore[arg-type]
    assert [message["type"] for message in sent] == ["websocket.close"]
    with pytest.raises(RuntimeError, match="lifespan"):
        await gateway({"type": "http"}, receive, send)  # type: ignore[arg-type]


async def test_services_that_end_stop_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypercorn would go on and answer 500 to every request."""
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr("os.kill", lambda pid, number: killed.append((pid, number)))
    monkeypatch.setattr("app.asgi.logs.configure", lambda: None)
    with a_house(tmp_path) as house:
        monkeypatch.setenv("REALROUTER_CONFIG", str(house.config_path))
        started, sent = trio.Event(), list[str]()

        async def receive() -> Any:
            if sent:
                await trio.sleep_forever()
            return {"type": "lifespan.startup"}

        async def send(message: Any) -> None:
            sent.append(message["type"])
            started.set()

        async def broken(_self: Runner) -> None:
            await started.wait()
            raise RuntimeError("a bug in the background")

        monkeypatch.setattr(Runner, "run", broken)
        with trio.fail_after(PATIENCE_SECONDS), pytest.RaisesGroup(RuntimeError, flatten_subgroups=True):
            await Gateway()({"type": "lifespan"}, receive, send)  # type: ignore[arg-type]
        assert sent == ["lifespan.startup.complete"]
        assert killed == [(os.getpid(), signal.SIGTERM)]


async def test_a_bug_at_the_start_is_reported_to_the_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(_settings: Any) -> Any:
        raise RuntimeError("a bug at the start")

    monkeypatch.setattr("app.asgi.open_services", broken)
    monkeypatch.setattr("app.asgi.logs.configure", lambda: None)
    sent: list[Any] = []
    with a_house(tmp_path) as house:
        monkeypatch.setenv("REALROUTER_CONFIG", str(house.config_path))

        async def receive() -> Any:
            return {"type": "lifespan.startup"}

        async def send(message: Any) -> None:
            sent.append(message)

        await Gateway()({"type": "lifespan"}, receive, send)  # type: ignore[arg-type]
    assert sent == [{"type": "lifespan.startup.failed", "message": "a bug at the start"}]
