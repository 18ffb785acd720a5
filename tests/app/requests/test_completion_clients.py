"""Clients that leave, at every moment, and clients that do not read: what happens to the upstream and to the money."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from domain import buckets
from domain.events import RequestDebited, RequestReleased
from tests.fakes.openai_shapes import chat_frames, responses_frames
from tests.fakes.scripted_upstream import Chunk, Head, Request, Script, Stall, serve
from tests.support.gateway.gateway import ACCOUNT, CREDIT_NANOS, Gateway, chat, check_envelope, responses, running

PATHS = ("responses", "chat/completions")
SSE = (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))
FIRST_TEXT = {"responses": b"output_text.delta", "chat/completions": b'"content":"word'}


def body_for(path: str, directives: str = "", **more: Any) -> dict[str, Any]:
    return (responses if path == "responses" else chat)("Say something about ledgers.", directives, **more)


def begun_then_silent(frames_sent: int) -> Callable[[Request], Script]:
    """Streams so many frames, and then nothing, for as long as the gateway stays."""

    def script(request: Request) -> Script:
        make = chat_frames if request.path.endswith("completions") else responses_frames
        return [Head(200, SSE), *map(Chunk, make(50)[:frames_sent]), Stall()]

    return script


def flood(frames: int) -> Callable[[Request], Script]:
    """Streams frames of 64 KiB, more than sockets and the outbox hold, and then nothing."""
    first, big = chat_frames(1)[0], chat_frames(1, text="w" * 65536)[1]
    return lambda request: [Head(200, SSE), Chunk(first), *[Chunk(big)] * frames, Stall()]


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_before_the_answer_begins_pays_nothing(
    tmp_path: Path, stream: bool, how: str
) -> None:
    async with (
        serve(lambda request: [Stall()]) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}) as gateway,
    ):
        client = await gateway.connect()
        await client.send(gateway.request_bytes("responses", responses(stream=stream)))
        await upstream.wait_until(lambda upstream: len(upstream.requests) == 1)
        assert gateway.held > 0
        client.reset() if how == "reset" else await client.close()
        await upstream.connections[0].closed.wait()
        await gateway.recorded(1)
        released = await gateway.only_release("cancelled")
        assert released.delivered_nanos == 0
        assert gateway.request_logs[0].client_left
        assert len(upstream.requests) == 1


async def test_a_client_that_leaves_with_more_ahead_than_is_read_stops_its_upstream(tmp_path: Path) -> None:
    async with (
        serve(lambda request: [Stall()]) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}) as gateway,
    ):
        client = await gateway.connect()
        sent = gateway.request_bytes("responses", responses())
        await client.send(sent + b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n" * 5_000)
        await upstream.wait_until(lambda upstream: len(upstream.requests) == 1)
        await client.close()
        with trio.fail_after(120):
            await upstream.connections[0].closed.wait()
        await gateway.recorded(1)
        await gateway.only_release("cancelled")


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("path", PATHS)
async def test_a_client_that_leaves_between_frames_pays_nothing_and_the_upstream_is_cut(
    tmp_path: Path, path: str, how: str
) -> None:
    async with (
        serve(begun_then_silent(8)) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}) as gateway,
    ):
        client = await gateway.connect()
        await client.send(gateway.request_bytes(path, body_for(path, stream=True)))
        await client.read_until(FIRST_TEXT[path])
        client.reset() if how == "reset" else await client.close()
        await upstream.connections[0].closed.wait()
        await gateway.recorded(1)
        released = await gateway.only_release("cancelled")
        assert released.delivered.estimated
        assert released.delivered.output_tokens > 0
        assert released.delivered_nanos > 0
        day = [value for name, value in gateway.services.ledger.buckets() if name.startswith("cancelled:")]
        assert day == [released.delivered_nanos]


@pytest.mark.parametrize("path", PATHS)
async def test_a_client_that_leaves_after_the_last_frame_has_paid(tmp_path: Path, path: str) -> None:
    async with running(tmp_path) as gateway:
        client = await gateway.connect()
        await client.send(gateway.request_bytes(path, body_for(path, "tokens=5", stream=True)))
        await client.read_until(b"[DONE]")
        client.reset()
        await gateway.recorded(1)
        event = await gateway.only_debit()
        assert event.outcome == "completed"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_while_the_debit_is_being_written_has_paid(tmp_path: Path, stream: bool) -> None:
    async with running(tmp_path, limits={"settle": 30}) as gateway:
        faulty = gateway.break_ledger()
        faulty.hold(lambda append: append.command_id.startswith("debit_"))
        client = await gateway.connect()
        await client.send(gateway.request_bytes("responses", responses("Hello", "tokens=5", stream=stream)))
        await trio.to_thread.run_sync(faulty.reached.wait)
        await client.close()
        await wait_until_the_handler_has_gone(gateway)
        faulty.let_go()
        await gateway.recorded(1)
        event = await gateway.only_debit()
        assert event.outcome == "completed"


async def wait_until_the_handler_has_gone(gateway: Gateway) -> None:
    """A second request, on a new connection, is answered: by then the loop has seen the close that came before it."""
    other = await gateway.connect()
    await other.send(b"GET /healthz HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
    await other.read_to_end()


async def test_a_client_that_leaves_in_the_middle_of_its_body_reaches_no_ledger(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        client = await gateway.connect()
        whole = gateway.request_bytes("responses", responses())
        await client.send(whole[:-10])
        await client.close()
        await wait_until_the_handler_has_gone(gateway)
        assert await gateway.settled() == []
        assert gateway.services.instance.slots.running == 0
        assert gateway.services.instance.body_budget.held_bytes == 0


async def test_a_client_that_leaves_while_it_is_admitted_is_released_at_once(tmp_path: Path) -> None:
    async with (
        serve(lambda request: [Stall()]) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}) as gateway,
    ):
        faulty = gateway.break_ledger()
        faulty.hold(lambda append: append.command_id.startswith("admit_"))
        client = await gateway.connect()
        await client.send(gateway.request_bytes("responses", responses()))
        await trio.to_thread.run_sync(faulty.reached.wait)
        await client.close()
        await wait_until_the_handler_has_gone(gateway)
        faulty.let_go()
        await gateway.recorded(1)
        await gateway.only_release("cancelled")
        assert upstream.requests == []


async def test_a_client_that_does_not_read_is_cut_off_and_its_upstream_cancelled(tmp_path: Path) -> None:
    async with (
        serve(flood(400)) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, limits={"send_stall": 0.3}) as gateway,
    ):
        client = await gateway.connect(receive_buffer=4096)
        await client.send(gateway.request_bytes("chat/completions", chat(stream=True)))
        await upstream.wait_until(lambda upstream: bool(upstream.connections) and upstream.connections[0].over)
        [request_log] = await gateway.recorded(1)
        await gateway.idle()
        [event] = await gateway.settled()
        assert isinstance(event, RequestReleased)
        assert event.reason == "cancelled"
        assert request_log.outcome == "released:cancelled"
        assert event.delivered_nanos > 0


async def test_an_answer_whose_whole_time_the_client_took_is_cancelled_by_it(tmp_path: Path) -> None:
    limits = {"send_stall": 30, "idle": 30, "total": 1}
    async with (
        serve(flood(400)) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, limits=limits) as gateway,
    ):
        client = await gateway.connect(receive_buffer=4096)
        await client.send(gateway.request_bytes("chat/completions", chat(stream=True)))
        await gateway.recorded(1)
        released = await gateway.only_release("cancelled")
        assert released.delivered_nanos > 0


async def test_an_upstream_that_falls_silent_is_at_fault_however_slow_the_client_was_before(tmp_path: Path) -> None:
    limits = {"send_stall": 30, "idle": 0.5, "total": 4}
    async with (
        serve(flood(200)) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, limits=limits) as gateway,
    ):
        client = await gateway.connect()
        await client.send(gateway.request_bytes("chat/completions", chat(stream=True)))
        await client.read_until(b'"content":"w')
        for _ in range(6):
            await wait_all_tasks_blocked(0.1)  # more than a tenth of the whole time, spent on the client
        seen = b""
        while b"upstream_timeout" not in seen:
            seen = seen[-100:] + await client.stream.receive_some(1 << 18)
        await gateway.recorded(1)
        await gateway.only_release("upstream_failed")


async def test_past_the_free_limit_of_the_day_the_delivered_part_is_charged(tmp_path: Path) -> None:
    async with (
        serve(begun_then_silent(30)) as upstream,
        running(
            tmp_path, upstreams={"vendor": upstream.base_url}, billing={"cancelled_free_limit": "0.00015"}
        ) as gateway,
    ):
        outcomes = []
        for number in range(4):
            client = await gateway.connect()
            await client.send(gateway.request_bytes("chat/completions", chat(stream=True)))
            for _ in range(25):
                await client.read_until(b'"content":"word')
            await client.close()
            await gateway.recorded(number + 1)
            outcomes = await gateway.settled()
        kinds = [type(event) for event in outcomes]
        assert kinds[0] is RequestReleased
        assert kinds[-1] is RequestDebited
        free = sum(event.delivered_nanos for event in outcomes if isinstance(event, RequestReleased))
        assert 0 < free <= 150_000
        charged = [event for event in outcomes if isinstance(event, RequestDebited)]
        assert all(event.outcome == "cancelled" for event in charged)
        assert all(event.usage.estimated for event in charged)
        assert gateway.available == CREDIT_NANOS - sum(event.cost_nanos for event in charged)
        assert gateway.request_logs[-1].outcome == "debited:cancelled"
        assert gateway.bucket(buckets.held(ACCOUNT)) == 0


async def test_what_a_client_was_not_sent_yet_is_not_counted_as_delivered(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        client = await gateway.connect()
        await client.send(gateway.request_bytes("chat/completions", chat("Hello", "stall_at=4", stream=True)))
        await client.head()
        await client.close()
        await gateway.recorded(1)
        released = await gateway.only_release("cancelled")
        assert released.delivered.output_tokens <= 4


async def test_two_requests_on_one_connection_are_two_requests(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        client = await gateway.connect()
        for _ in range(2):
            await client.send(gateway.request_bytes("responses", responses()))
            status, _, body = await client.answer()
            assert status == 200
            assert body["status"] == "completed"
        await client.send(gateway.request_bytes("responses", {"model": "none", "input": "x"}))
        status, headers, body = await client.answer()
        assert status == 400
        check_envelope(body, "model_not_found", headers)
        assert len(await gateway.settled()) == 2
