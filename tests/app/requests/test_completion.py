"""One request from admission to settlement, over real sockets: what the client reads, and what the ledger says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from app.requests.outbox import Outbox
from app.upstream.simulator import SimulatorUpstream
from domain import buckets
from domain.events import RequestAdmitted, RequestDebited
from domain.pricing import price_usage
from tests.fakes.openai_shapes import chat_frames, responses_frames
from tests.fakes.scripted_upstream import Chunk, Head, Request, Script, WaitFor, openai_script, serve
from tests.support.gateway.gateway import (
    ACCOUNT,
    CREDIT_NANOS,
    MODEL,
    Gateway,
    chat,
    check_envelope,
    frames,
    responses,
    running,
)

PATHS = ("responses", "chat/completions")


def body_for(path: str, simulator: str = "", **more: Any) -> dict[str, Any]:
    return (responses if path == "responses" else chat)("Say something about ledgers.", simulator, **more)


def simulator(gateway: Gateway, name: str = "simulator") -> SimulatorUpstream:
    found = gateway.services.serving.runtime.upstreams._upstreams[name]
    assert isinstance(found, SimulatorUpstream)
    return found


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
async def test_a_complete_answer_is_debited_once_by_the_upstreams_own_figures(
    tmp_path: Path, path: str, stream: bool
) -> None:
    more: dict[str, Any] = {"stream_options": {"include_usage": True}} if stream and path != "responses" else {}
    async with running(tmp_path) as gateway:
        answer = await gateway.post(path, body_for(path, stream=stream, **more))
        assert answer.status_code == 200, answer.text
        event = await gateway.only_debit()
        admitted, debited = gateway.requests_of(answer.headers["x-request-id"])
        assert isinstance(admitted, RequestAdmitted)
        assert debited == event
        assert (event.model, event.outcome, event.upstream) == (MODEL, "completed", "simulator")
        assert 0 < event.cost_nanos <= event.hold_nanos == admitted.hold_nanos
        assert event.overrun_nanos == 0
        assert not event.usage.estimated
        usage = usage_of(answer.json() if not stream else frames(answer.content)[-1])
        assert (event.usage.input_tokens, event.usage.output_tokens) == usage
        prices = gateway.services.serving.offering.catalog.model(MODEL).prices
        assert event.cost_nanos == price_usage(prices, event.usage).amount_nanos
        assert gateway.available == CREDIT_NANOS - event.cost_nanos


def usage_of(value: dict[str, Any]) -> tuple[int, int]:
    usage = value.get("response", value)["usage"]
    if "input_tokens" in usage:
        return usage["input_tokens"], usage["output_tokens"]
    return usage["prompt_tokens"], usage["completion_tokens"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_stream_says_what_proxies_must_not_do_to_it_and_ends_in_done(tmp_path: Path, path: str) -> None:
    async with running(tmp_path) as gateway:
        answer = await gateway.post(path, body_for(path, stream=True))
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache, no-transform"
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["x-request-id"].startswith("req_")
        assert not {"openai-organization", "set-cookie", "x-ratelimit-limit-requests"} & set(answer.headers)
        assert answer.content.endswith(b"data: [DONE]\n\n")
        assert answer.content.count(b"[DONE]") == 1
        await gateway.only_debit()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [False, True])
async def test_usage_that_the_upstream_did_not_send_is_estimated_and_charged(
    tmp_path: Path, path: str, stream: bool
) -> None:
    async with running(tmp_path) as gateway:
        answer = await gateway.post(path, body_for(path, "no_usage tokens=50", stream=stream))
        assert answer.status_code == 200
        event = await gateway.only_debit()
        assert event.usage.estimated
        assert 20 <= event.usage.output_tokens <= 200
        assert event.usage.input_tokens > 0
        assert event.cost_nanos > 0


async def test_a_chat_stream_shows_no_usage_that_was_not_requested(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        answer = await gateway.post("chat/completions", chat(stream=True))
        assert not any(chunk.get("usage") for chunk in frames(answer.content))
        assert not (await gateway.only_debit()).usage.estimated


@pytest.mark.parametrize("stream", [False, True])
async def test_all_choices_are_held_for_and_billed(tmp_path: Path, stream: bool) -> None:
    async with running(tmp_path) as gateway:
        answer = await gateway.post("chat/completions", chat("Hello", "tokens=7", n=3, stream=stream, max_tokens=9))
        assert answer.status_code == 200
        event = await gateway.only_debit()
        assert event.usage.output_tokens == 21
        assert event.finish.split(",")[0] == "stop"
        assert event.hold_nanos >= 3 * 9 * 2000
        assert event.overrun_nanos == 0


@pytest.mark.parametrize(
    ("path", "directives", "more", "finish"),
    [
        ("chat/completions", "tokens=40", {"max_tokens": 5}, "length"),
        ("chat/completions", "filter", {}, "content_filter"),
        ("responses", "tokens=40", {"max_output_tokens": 16}, "incomplete:max_output_tokens"),
        ("responses", "filter", {}, "incomplete:content_filter"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_its_limit_or_a_filter_cut_is_complete_and_billed(
    tmp_path: Path, path: str, directives: str, more: dict[str, Any], finish: str, stream: bool
) -> None:
    async with running(tmp_path) as gateway:
        answer = await gateway.post(path, body_for(path, directives, stream=stream, **more))
        assert answer.status_code == 200
        event = await gateway.only_debit()
        assert event.finish == finish
        assert event.outcome == "completed"


@pytest.mark.parametrize("path", PATHS)
async def test_a_cost_above_the_hold_is_charged_in_full_and_named(tmp_path: Path, path: str) -> None:
    limit = {"max_output_tokens": 16} if path == "responses" else {"max_tokens": 16}
    async with running(tmp_path) as gateway:
        answer = await gateway.post(path, body_for(path, "usage_output=6000000", **limit))
        assert answer.status_code == 200
        event = await gateway.only_debit()
        assert event.cost_nanos > 12 * 10**9
        assert event.overrun_nanos == event.cost_nanos - event.hold_nanos > 0
        assert gateway.available < 0


async def test_an_account_below_zero_is_refused_with_the_amounts_needed_and_available(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        first = await gateway.post("responses", responses("Hello", "usage_output=6000000"))
        assert first.status_code == 200
        refused = await gateway.post("responses", responses())
        assert refused.status_code == 402
        error = check_envelope(refused.json(), "insufficient_quota", refused.headers)
        assert int(error["available_nanos"]) == gateway.available < 0
        assert int(error["needed_nanos"]) > 0
        assert gateway.requests_of(refused.headers["x-request-id"]) == []
        assert len(await gateway.settled()) == 1


async def test_cached_input_is_billed_once_at_its_own_price(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        await gateway.post("responses", responses("Hello", "usage_input=1000 usage_cached=400 usage_output=1"))
        event = await gateway.only_debit()
        assert event.usage.input_tokens == 1000
        assert event.cost_nanos == 600 * 250 + 400 * 25 + 2000


@pytest.mark.parametrize("path", PATHS)
async def test_no_frame_that_completes_an_answer_is_sent_before_its_debit_is_durable(tmp_path: Path, path: str) -> None:
    async with running(tmp_path, limits={"settle": 30}) as gateway:
        faulty = gateway.break_ledger()
        faulty.hold(lambda append: append.command_id.startswith("debit_"))
        client = await gateway.connect()
        await client.send(gateway.request_bytes(path, body_for(path, "tokens=3", stream=True)))
        last_text = b"response.output_text.delta" if path == "responses" else b'"content"'
        seen = await client.read_until(last_text)
        await trio.to_thread.run_sync(faulty.reached.wait)
        with trio.move_on_after(0.05):
            seen += await client.read_to_end()
        assert b"response.completed" not in seen
        assert b'"finish_reason":"stop"' not in seen
        faulty.let_go()
        rest = await client.read_until(b"data: [DONE]\n\n")
        assert (b"response.completed" if path == "responses" else b'"finish_reason":"stop"') in rest
        await gateway.only_debit()
        await client.close()


@pytest.mark.parametrize("path", PATHS)
async def test_a_comment_keeps_a_silent_stream_open_and_is_sent_between_frames_only(tmp_path: Path, path: str) -> None:
    is_chat = path != "responses"
    whole = chat_frames(3) if is_chat else responses_frames(3)
    go_on = [trio.Event(), trio.Event()]

    def script(request: Request) -> Script:
        half = len(whole[3]) // 2
        head = Head(200, (("content-type", "text/event-stream"), ("transfer-encoding", "chunked")))
        silent: Script = [WaitFor(go_on[0]), Chunk(whole[3][:half]), WaitFor(go_on[1]), Chunk(whole[3][half:])]
        return [head, *map(Chunk, whole[:3]), *silent, *map(Chunk, whole[4:]), Chunk(b"")]

    async with (
        serve(script) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, limits={"keepalive_comment": 0.05}) as gateway,
    ):
        client = await gateway.connect()
        await client.send(gateway.request_bytes(path, body_for(path, stream=True), extra="connection: close\r\n"))
        status, _ = await client.head()
        assert status == 200
        body = await client.read_until(b": keep-alive\n\n")
        go_on[0].set()
        body += await client.read_until(b": keep-alive\n\n")  # in the middle of the upstream's frame
        go_on[1].set()
        body += await client.read_to_end()
        await gateway.only_debit()
    blocks = [block for block in unchunked(body).split(b"\n\n") if block]
    assert blocks.count(b": keep-alive") >= 2
    data = [block for block in blocks if block != b": keep-alive"]
    assert len(data) == len(whole) - (1 if is_chat else 0)  # the usage chunk was not requested
    assert all(block.startswith((b"data: ", b"event: ")) for block in data)


def unchunked(body: bytes) -> bytes:
    """The bytes of a chunked body."""
    found = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        found += rest[: int(size, 16)]
        body = rest[int(size, 16) + 2 :]
    return found


async def test_a_plain_answer_is_one_body_with_its_length(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        answer = await gateway.post("chat/completions", chat())
        assert answer.headers["content-type"] == "application/json"
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert answer.json()["model"] == MODEL
        await gateway.only_debit()


async def test_the_upstream_gets_its_own_model_name_the_default_limit_and_no_header_of_the_client(
    tmp_path: Path,
) -> None:
    async with (
        serve(lambda request: openai_script(request, chunks=3)) as upstream,
        running(
            tmp_path, upstreams={"vendor": upstream.base_url}, billing={"default_max_output_tokens": 77}
        ) as gateway,
    ):
        body = {"model": "vendor/plain:1", "input": "hi", "odd_new_field": {"kept": [1, 2]}}
        answer = await gateway.post("responses", body, headers={"x-secret": "mine", "cookie": "a=b"})
        assert answer.status_code == 200
        assert answer.json()["model"] == "vendor/plain:1"
        assert answer.json()["store"] is False
        [sent] = upstream.requests
        assert sent.json() == {
            "model": "plain-1-upstream",
            "input": "hi",
            "odd_new_field": {"kept": [1, 2]},
            "store": False,
            "max_output_tokens": 77,
        }
        assert sent.header("x-secret") is None
        assert sent.header("cookie") is None
        assert sent.header("accept-encoding") == "identity"
        assert sent.header("x-client-request-id") == answer.headers["x-request-id"]
        assert gateway.key not in str(sent.headers)
        await gateway.only_debit()


async def test_a_bug_in_the_middle_of_an_answer_releases_the_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError

    async with running(tmp_path) as gateway:
        monkeypatch.setattr(Outbox, "put", bug)
        monkeypatch.setattr("app.requests.completion.delivered_usage", bug)
        answer = await gateway.post("responses", responses(stream=True))
        assert answer.status_code == 500
        check_envelope(answer.json(), "internal_error", answer.headers)
        await gateway.only_release("internal_error")
        [request_log] = gateway.request_logs
        assert request_log.outcome == "released:internal_error"
        assert gateway.services.instance.slots.running == 0


async def test_the_log_of_a_request_has_its_figures_and_phases(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        await gateway.post("responses", responses(stream=True))
        event = await gateway.only_debit()
        [request_log] = gateway.request_logs
        assert (request_log.outcome, request_log.status, request_log.upstream) == ("debited", 200, "simulator")
        assert (request_log.cost_nanos, request_log.hold_nanos, request_log.usage) == (
            event.cost_nanos,
            event.hold_nanos,
            event.usage,
        )
        phases = request_log.phases
        assert None not in (phases.parse, phases.admit, phases.first_byte, phases.stream, phases.settle)
        assert phases.total is not None
        assert phases.total > 0


@pytest.mark.parametrize("count", [24])
async def test_requests_at_once_are_each_settled_once(tmp_path: Path, count: int) -> None:
    async with running(tmp_path) as gateway:

        async def one(number: int) -> None:
            path = PATHS[number % 2]
            answer = await gateway.post(path, body_for(path, f"tokens={number + 1}", stream=number % 3 == 0))
            assert answer.status_code == 200

        async with trio.open_nursery() as nursery:
            for number in range(count):
                nursery.start_soon(one, number)
        settled = await gateway.settled()
        assert len(settled) == count
        assert all(isinstance(event, RequestDebited) for event in settled)
        assert sorted(event.usage.output_tokens for event in settled if isinstance(event, RequestDebited)) == list(
            range(1, count + 1)
        )
        assert simulator(gateway).open_answers == 0
        assert gateway.bucket(buckets.open_requests(gateway.key_id)) == 0
        assert gateway.bucket(buckets.held(ACCOUNT)) == 0
