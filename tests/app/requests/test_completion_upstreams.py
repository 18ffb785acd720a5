"""Upstreams that refuse, break, lie or fall silent: what the client reads, who is asked next, and that nothing is charged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.upstream.simulator import SimulatorUpstream
from domain.events import RequestReleased
from tests.fakes.openai_shapes import chat_frames, responses_frames
from tests.fakes.scripted_upstream import (
    Abort,
    Chunk,
    Close,
    Head,
    Request,
    Script,
    Send,
    error_answer,
    event_stream,
    json_answer,
    openai_script,
    refused_port,
    serve,
)
from tests.support.gateway.gateway import VENDOR_KEY, Gateway, chat, envelope, frames, responses, running

PATHS = ("responses", "chat/completions")
SSE = (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))
NO_RETRIES = {"attempts": 1}


def body_for(path: str, directives: str = "", **more: Any) -> dict[str, Any]:
    return (responses if path == "responses" else chat)("Say something about ledgers.", directives, **more)


def opened(gateway: Gateway, name: str) -> int:
    upstream = gateway.services.serving.runtime.upstreams._upstreams[name]
    assert isinstance(upstream, SimulatorUpstream)
    return upstream.opened


@pytest.mark.parametrize(
    ("status", "seen", "code"),
    [
        (400, 400, None),
        (404, 502, "upstream_error"),
        (413, 413, None),
        (422, 422, None),
        (429, 429, "upstream_rate_limited"),
        (401, 502, "upstream_error"),
        (403, 502, "upstream_error"),
        (500, 502, "upstream_error"),
        (503, 502, "upstream_error"),
        (504, 504, "upstream_timeout"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_keeps_its_status_where_the_client_can_act_on_it(
    tmp_path: Path, status: int, seen: int, code: str | None, stream: bool
) -> None:
    async with running(tmp_path, limits=NO_RETRIES) as gateway:
        answer = await gateway.post("responses", responses("Hello", f"status={status}", stream=stream))
        envelope(answer, seen, code)
        assert answer.headers["content-type"] == "application/json"
        released = await gateway.only_release("upstream_failed")
        assert released.delivered_nanos == 0


async def test_a_vendors_refusal_of_our_key_shows_neither_the_key_nor_its_words(tmp_path: Path) -> None:
    message = f"Incorrect API key provided: {VENDOR_KEY}. Find yours at org-ACME12345 proj_SECRET99."

    async with (
        serve(lambda request: error_answer(401, message, code="invalid_api_key")) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}) as gateway,
    ):
        answer = await gateway.post("responses", responses())
        error = envelope(answer, 502, "upstream_error")
        assert upstream.requests[0].header("authorization") == f"Bearer {VENDOR_KEY}"
        for secret in (VENDOR_KEY, "VENDORsecret", "Incorrect", "ACME", "SECRET99"):
            assert secret not in answer.text
        assert "operator" in error["message"]
        await gateway.only_release("upstream_failed")
        assert len(upstream.requests) == 1


@pytest.mark.parametrize("status", [400, 500])
async def test_what_a_vendor_says_is_cleaned_of_secrets(tmp_path: Path, status: int) -> None:
    message = f"No luck\nwith {VENDOR_KEY} for org-ACME12345."
    async with (
        serve(lambda request: error_answer(status, message)) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, limits=NO_RETRIES) as gateway,
    ):
        answer = await gateway.post("chat/completions", chat())
        assert "No luck with" in answer.json()["error"]["message"]
        assert "VENDORsecret" not in answer.text
        assert "ACME12345" not in answer.text
        await gateway.only_release("upstream_failed")


async def test_an_upstreams_retry_after_reaches_the_client(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        answer = await gateway.post("responses", responses("Hello", "status=429 retry_after=37"))
        envelope(answer, 429, "upstream_rate_limited")
        assert answer.headers["retry-after"] == "37"
        assert opened(gateway, "simulator") == 1  # too long to wait for
        await gateway.only_release("upstream_failed")


BROKEN: dict[str, Script] = {
    "garbage": json_answer(b"<html>not json</html>"),
    "empty": json_answer(b""),
    "wrong-type": json_answer([1, 2, 3]),
    "half-a-body": [
        Head(200, (("content-type", "application/json"), ("content-length", "500"))),
        Send(b'{"id"'),
        Close(),
    ],
    "reset": [Abort()],
    "no-http": [Send(b"SMTP ready\r\n\r\n"), Close()],
    "gzip": json_answer(b"\x1f\x8b\x08", headers=(("content-encoding", "gzip"),)),
    "bad-utf8": json_answer(b'{"id": "\xff\xfe"}'),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("path", PATHS)
async def test_an_answer_that_makes_no_sense_is_a_502_and_costs_nothing(tmp_path: Path, path: str, kind: str) -> None:
    async with (
        serve(lambda request: BROKEN[kind]) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, limits=NO_RETRIES) as gateway,
    ):
        answer = await gateway.post(path, body_for(path))
        assert answer.status_code == 502, answer.text
        assert answer.json()["error"]["code"] in {"upstream_broken", "upstream_unreachable"}
        await gateway.only_release("upstream_failed")


BROKEN_STREAMS: dict[str, list[bytes]] = {
    "not-json": [b"data: {nonsense\n\n"],
    "half-a-frame": [b'data: {"id": "x", "cho'],
    "nothing": [],
    "bad-utf8": [b'data: {"x": "\xff"}\n\n'],
    "only-done": [b"data: [DONE]\n\n"],
}


@pytest.mark.parametrize("kind", BROKEN_STREAMS)
@pytest.mark.parametrize("path", PATHS)
async def test_a_stream_that_breaks_before_its_first_frame_is_a_502(tmp_path: Path, path: str, kind: str) -> None:
    async with (
        serve(lambda request: event_stream(BROKEN_STREAMS[kind])) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, limits=NO_RETRIES) as gateway,
    ):
        answer = await gateway.post(path, body_for(path, stream=True))
        envelope(answer, 502, "upstream_broken")
        await gateway.only_release("upstream_failed")


@pytest.mark.parametrize("how", ["drop_at=9", "end_at=9", "half_frame_at=9", "malformed_at=9", "fail_at=9"])
@pytest.mark.parametrize("path", PATHS)
async def test_a_stream_that_breaks_later_ends_in_an_error_of_its_protocol(tmp_path: Path, path: str, how: str) -> None:
    async with running(tmp_path, upstreams={"a": "", "b": ""}) as gateway:
        answer = await gateway.post(path, body_for(path, how, stream=True))
        assert answer.status_code == 200
        sent = frames(answer.content)
        assert len(sent) >= 8
        if path == "responses":
            assert any(frame["type"] in {"error", "response.failed"} for frame in sent)
            assert not any(frame["type"] == "response.completed" for frame in sent)
            numbers = [frame["sequence_number"] for frame in sent]
            assert numbers == list(range(len(numbers)))
        else:
            assert {"message", "type", "param", "code"} <= set(sent[-1]["error"])
            assert not any(choice["finish_reason"] for frame in sent for choice in frame.get("choices", []))
        released = await gateway.only_release("upstream_failed")
        assert released.upstream == "a"
        assert released.delivered_nanos > 0
        assert opened(gateway, "b") == 0
        assert [value for name, value in gateway.services.ledger.buckets() if name.startswith("cancelled:")] in (
            [],
            [0],
        )


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
async def test_an_error_inside_a_200_costs_nothing(tmp_path: Path, path: str, stream: bool) -> None:
    async with running(tmp_path, limits=NO_RETRIES) as gateway:
        answer = await gateway.post(path, body_for(path, "error_200", stream=stream))
        assert answer.status_code == 502, answer.text
        assert set(answer.json()["error"]) >= {"message", "type", "param", "code"}
        await gateway.only_release("upstream_failed")


@pytest.mark.parametrize("path", PATHS)
async def test_an_error_inside_a_200_is_answered_by_the_next_upstream(tmp_path: Path, path: str) -> None:
    async with running(tmp_path, upstreams={"a": "", "b": ""}) as gateway:
        answer = await gateway.post(path, body_for(path, "on=a error_200", stream=True))
        assert answer.status_code == 200
        assert (await gateway.only_debit()).upstream == "b"


async def test_an_error_inside_a_200_that_is_the_requests_fault_is_a_400_and_asked_once(tmp_path: Path) -> None:
    error = {
        "message": "The image is no image.",
        "type": "invalid_request_error",
        "param": "input",
        "code": "bad_image",
    }
    frame = b"event: error\ndata: " + json.dumps({"error": error}).encode() + b"\n\n"
    async with (
        serve(lambda request: event_stream([frame])) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url, "other": upstream.base_url}) as gateway,
    ):
        answer = await gateway.post("responses", responses(stream=True))
        assert envelope(answer, 400, "bad_image")["param"] == "input"
        assert len(upstream.requests) == 1
        await gateway.only_release("upstream_failed")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("figures", [True, False])
async def test_an_answer_that_breaks_after_its_finish_is_complete_and_billed(
    tmp_path: Path, path: str, figures: bool
) -> None:
    """The client has its last event, and the bill the vendor's own figures, as far as they came."""
    sent = chat_frames(3, usage=True)[: -1 if figures else -2]

    async with (
        serve(lambda request: [Head(200, SSE), *map(Chunk, sent), Abort()]) as upstream,
        running(tmp_path, upstreams={"vendor": ("openai-chat", upstream.base_url)}) as gateway,
    ):
        answer = await gateway.post(path, body_for(path, stream=True))
        last = frames(answer.content)[-1]
        closing = last["type"] == "response.completed" if path == "responses" else last["choices"][0]["finish_reason"]
        assert closing
        assert answer.content.endswith(b"data: [DONE]\n\n")
        usage = (await gateway.only_debit()).usage
        assert usage.estimated is not figures


@pytest.mark.parametrize("path", PATHS)
async def test_silence_before_the_first_byte_is_a_504(tmp_path: Path, path: str) -> None:
    async with running(tmp_path, limits={"first_byte": 0.1}) as gateway:
        envelope(await gateway.post(path, body_for(path, "first_byte=60", stream=True)), 504, "upstream_timeout")
        await gateway.only_release("upstream_failed")


@pytest.mark.parametrize("path", PATHS)
async def test_silence_in_the_middle_ends_the_stream_in_an_error(tmp_path: Path, path: str) -> None:
    async with running(tmp_path, limits={"idle": 0.1}) as gateway:
        answer = await gateway.post(path, body_for(path, "stall_at=8", stream=True))
        assert answer.status_code == 200
        assert b"upstream_timeout" in answer.content
        await gateway.only_release("upstream_failed")


async def test_a_plain_answer_that_falls_silent_halfway_is_a_504(tmp_path: Path) -> None:
    async with running(tmp_path, limits={"idle": 0.1, "first_byte": 0.3}) as gateway:
        envelope(await gateway.post("responses", responses("Hello", "stall_at=1")), 504, "upstream_timeout")
        await gateway.only_release("upstream_failed")


async def test_an_answer_that_takes_too_long_as_a_whole_is_cut(tmp_path: Path) -> None:
    async with running(tmp_path, limits={"total": 0.3, "idle": 0.3, "first_byte": 0.3}) as gateway:
        answer = await gateway.post("responses", responses("Hello", "tokens=500 pace=0.05", stream=True))
        assert b"upstream_timeout" in answer.content
        assert len(frames(answer.content)) < 20
        await gateway.only_release("upstream_failed")


async def test_nobody_listening_is_a_502(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{refused_port()}/v1"
    async with running(tmp_path, upstreams={"vendor": url}, limits=NO_RETRIES) as gateway:
        envelope(await gateway.post("responses", responses()), 502, "upstream_unreachable")
        await gateway.only_release("upstream_failed")


@pytest.mark.parametrize(
    "how", ["status=500", "status=429", "status=401", "unreachable", "drop_at=0", "half_frame_at=0", "malformed_at=0"]
)
@pytest.mark.parametrize("stream", [False, True])
async def test_until_the_first_byte_the_next_upstream_may_answer(tmp_path: Path, how: str, stream: bool) -> None:
    async with running(tmp_path, upstreams={"a": "", "b": ""}, limits={"attempts": 1}) as gateway:
        answer = await gateway.post("responses", responses("Hello", f"on=a {how}", stream=stream))
        assert answer.status_code == 200, answer.text
        event = await gateway.only_debit()
        assert event.upstream == gateway.request_logs[0].upstream == "b"


async def test_a_late_upstream_gives_way_to_the_next(tmp_path: Path) -> None:
    async with running(tmp_path, upstreams={"a": "", "b": ""}, limits={"first_byte": 0.1}) as gateway:
        answer = await gateway.post("responses", responses("Hello", "on=a first_byte=60", stream=True))
        assert answer.status_code == 200
        assert (await gateway.only_debit()).upstream == "b"


async def test_a_refusal_that_is_the_requests_fault_is_not_taken_to_the_next_upstream(tmp_path: Path) -> None:
    async with running(tmp_path, upstreams={"a": "", "b": ""}) as gateway:
        envelope(await gateway.post("responses", responses("Hello", "on=a status=400")), 400, None)
        assert (opened(gateway, "a"), opened(gateway, "b")) == (1, 0)
        await gateway.only_release("upstream_failed")


async def test_a_failing_upstream_is_asked_again_and_the_client_sees_only_the_answer(tmp_path: Path) -> None:
    calls: list[Request] = []

    def fails_once(request: Request) -> Script:
        calls.append(request)
        if len(calls) == 1:
            return error_answer(503, "busy", headers=(("retry-after-ms", "1"),))
        return openai_script(request, chunks=3)

    async with serve(fails_once) as upstream, running(tmp_path, upstreams={"vendor": upstream.base_url}) as gateway:
        answer = await gateway.post("chat/completions", chat())
        assert answer.status_code == 200
        assert len(calls) == 2
        assert calls[0].body == calls[1].body
        await gateway.only_debit()


async def test_when_all_fail_the_last_failure_is_reported_and_one_release_is_written(tmp_path: Path) -> None:
    async with running(tmp_path, upstreams={"a": "", "b": ""}, limits=NO_RETRIES) as gateway:
        envelope(await gateway.post("responses", responses("Hello", "status=500")), 502, "upstream_error")
        assert (opened(gateway, "a"), opened(gateway, "b")) == (1, 1)
        await gateway.only_release("upstream_failed")


async def test_a_reported_failure_is_counted(tmp_path: Path) -> None:
    async with running(tmp_path, limits=NO_RETRIES) as gateway:
        await gateway.post("responses", responses("Hello", "status=500"))
        await gateway.idle()
        metrics = (await gateway.http.get(f"{gateway.origin}/metrics")).text
        assert 'kind="refused"' in metrics
        [request_log] = gateway.request_logs
        assert (request_log.status, request_log.outcome) == (502, "released:upstream_failed")


@pytest.mark.parametrize("path", PATHS)
async def test_frames_cut_anywhere_by_the_upstream_arrive_whole(tmp_path: Path, path: str) -> None:
    whole = b"".join(responses_frames(5) if path == "responses" else chat_frames(5))
    script: Script = [Head(200, SSE), *(Chunk(whole[at : at + 7]) for at in range(0, len(whole), 7)), Chunk(b"")]
    async with (
        serve(lambda request: script) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}) as gateway,
    ):
        answer = await gateway.post(path, body_for(path, stream=True, stream_options={"include_usage": True}))
        assert answer.status_code == 200
        assert answer.content.endswith(b"data: [DONE]\n\n")
        assert (await gateway.only_debit()).usage.output_tokens == 5


async def test_an_upstream_that_never_stops_after_its_end_is_closed(tmp_path: Path) -> None:
    extra = [b": still here\n\n"] * 50
    script = event_stream([*responses_frames(3, done=True), *extra])
    async with (
        serve(lambda request: script) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}) as gateway,
    ):
        answer = await gateway.post("responses", responses(stream=True))
        assert answer.content.endswith(b"data: [DONE]\n\n")
        await gateway.only_debit()


async def test_releases_of_failed_answers_count_against_no_free_limit(tmp_path: Path) -> None:
    async with running(tmp_path, billing={"cancelled_free_limit": "0"}, limits=NO_RETRIES) as gateway:
        answer: httpx.Response = await gateway.post("responses", responses("Hello", "drop_at=9", stream=True))
        assert answer.status_code == 200
        [event] = await gateway.settled()
        assert isinstance(event, RequestReleased)
        assert event.delivered_nanos > 0
