"""The simulator's I/O and every directive: what the reader gets and when, and that closed answers are counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from app.faults import UpstreamBroken, UpstreamUnreachable
from app.upstream.base import Upstream, UpstreamAnswer
from app.upstream.simulator import RULES, SimulatorUpstream
from app.wire.exchange import Endpoint
from tests.support.upstream.simulated import Json, call, chat, responses, send, with_directives
from tests.support.wire import responses_grammar as grammar

BOTH = pytest.mark.parametrize("endpoint", ["responses", "chat"])
MAKERS = {"responses": responses, "chat": chat}


def body(endpoint: Endpoint, directives: str = "", **more: Any) -> Json:
    return MAKERS[endpoint](**with_directives(directives), stream=True, **more)


def upstream(pace_seconds: float = 0, **more: Any) -> SimulatorUpstream:
    return SimulatorUpstream("sim", pace_seconds=pace_seconds, now=lambda: 1_790_000_000, **more)


async def read(simulator: SimulatorUpstream, endpoint: Endpoint, request: Json) -> tuple[list[bytes], Exception | None]:
    """What came until the end, or until the answer broke."""
    answer = await simulator.open(call(endpoint, request))
    received: list[bytes] = []
    try:
        while data := await answer.receive():
            received.append(data)
    except UpstreamBroken as broken:
        return received, broken
    finally:
        await answer.aclose()
    return received, None


def test_the_simulator_is_an_upstream() -> None:
    simulator: Upstream = SimulatorUpstream("sim")
    assert simulator.name == "sim"


@BOTH
async def test_one_frame_per_receive_and_then_the_end(endpoint: Endpoint) -> None:
    received, broken = await read(upstream(), endpoint, body(endpoint))
    assert broken is None
    assert all(frame.endswith(b"\n\n") and frame.count(b"\n\n") == 1 for frame in received)
    assert received[-1] == b"data: [DONE]\n\n"


@BOTH
async def test_frames_can_come_several_at_a_time(endpoint: Endpoint) -> None:
    single, _ = await read(upstream(), endpoint, body(endpoint))
    several, _ = await read(upstream(frames_per_receive=10), endpoint, body(endpoint))
    assert b"".join(several) == b"".join(single)
    assert len(several) == -(-len(single) // 10)


async def test_a_fault_between_frames_that_come_together_loses_none_of_them() -> None:
    received, broken = await read(upstream(frames_per_receive=10), "chat", body("chat", "drop_at=3"))
    assert b"".join(received).count(b"\n\n") == 3
    assert isinstance(broken, UpstreamBroken)


@BOTH
async def test_the_end_stays_the_end_and_a_closed_answer_cannot_be_read(endpoint: Endpoint) -> None:
    answer = await upstream().open(call(endpoint, MAKERS[endpoint]()))
    assert await answer.receive() != b""
    assert [await answer.receive() for _ in range(3)] == [b""] * 3
    await answer.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await answer.receive()


async def test_open_answers_are_counted_until_they_are_closed() -> None:
    simulator = upstream()
    first: UpstreamAnswer = await simulator.open(call("chat", body("chat")))
    second = await simulator.open(call("chat", body("chat")))
    assert (simulator.open_answers, simulator.opened, simulator.closed_early) == (2, 2, 0)
    while await first.receive():
        pass
    assert simulator.open_answers == 2
    for answer in (first, first, second):
        await answer.aclose()
    assert (simulator.open_answers, simulator.opened, simulator.closed_early) == (0, 2, 1)


# Time


@BOTH
@pytest.mark.parametrize(("pace", "directives", "gap"), [(0.02, "", 0.02), (0.02, "pace=1.5", 1.5), (5, "pace=0", 0)])
async def test_the_pace_is_the_time_between_frames(
    endpoint: Endpoint, pace: float, directives: str, gap: float, autojump_clock: MockClock
) -> None:
    began = trio.current_time()
    received, _ = await read(upstream(pace), endpoint, body(endpoint, directives))
    # The end is found where one more frame would have been due.
    assert trio.current_time() - began == pytest.approx(gap * len(received))


@BOTH
async def test_a_duration_is_from_the_first_frame_to_the_last(endpoint: Endpoint, autojump_clock: MockClock) -> None:
    simulator, times = upstream(), []
    answer = await simulator.open(call(endpoint, body(endpoint, "duration=10 tokens=50")))
    while await answer.receive():
        times.append(trio.current_time())
    await answer.aclose()
    assert times[-1] - times[0] == pytest.approx(10)


async def test_a_slow_reader_does_not_prolong_a_stream(autojump_clock: MockClock) -> None:
    answer = await upstream(1).open(call("chat", body("chat", "tokens=20")))
    await answer.receive()
    await trio.sleep(100)
    began = trio.current_time()
    while await answer.receive():
        pass
    assert trio.current_time() == began
    await answer.aclose()


@BOTH
async def test_first_byte_delays_the_status(endpoint: Endpoint, autojump_clock: MockClock) -> None:
    began = trio.current_time()
    answer = await upstream().open(call(endpoint, body(endpoint, "first_byte=5")))
    assert trio.current_time() - began == pytest.approx(5)
    await answer.aclose()


@BOTH
async def test_a_stall_is_silence_until_the_reader_gives_up(endpoint: Endpoint, autojump_clock: MockClock) -> None:
    simulator, received = upstream(), 0
    answer = await simulator.open(call(endpoint, body(endpoint, "stall_at=3")))
    with trio.move_on_after(100_000) as scope:
        while await answer.receive():
            received += 1
    assert scope.cancelled_caught
    assert received == 3
    await answer.aclose()
    assert simulator.open_answers == 0


async def test_closing_wakes_a_reader_that_waits() -> None:
    answer = await upstream().open(call("chat", body("chat", "stall_at=0")))
    broken: list[UpstreamBroken] = []

    async def reader() -> None:
        try:
            await answer.receive()
        except UpstreamBroken as error:
            broken.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        await trio.testing.wait_all_tasks_blocked()
        await answer.aclose()
    assert len(broken) == 1


async def test_a_cancelled_receive_loses_no_frame(autojump_clock: MockClock) -> None:
    whole, _ = await read(upstream(), "chat", body("chat"))
    answer = await upstream(1).open(call("chat", body("chat")))
    received: list[bytes] = []
    while not received or received[-1]:
        with trio.move_on_after(0.4):
            received.append(await answer.receive())
    await answer.aclose()
    assert b"".join(received) == b"".join(whole)


# Faults


@BOTH
@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 422, 429, 500, 503, 529])
async def test_status_refuses_with_an_envelope(endpoint: Endpoint, status: int) -> None:
    got = await send(endpoint, body(endpoint, f"status={status} retry_after=2"))
    assert got.status == status
    assert got.headers["retry-after"] == "2"
    assert got.headers["content-type"] == "application/json"
    assert set(got.json["error"]) == {"message", "type", "param", "code"}
    assert str(status) in got.json["error"]["message"]


@BOTH
async def test_retry_after_is_sent_only_on_request(endpoint: Endpoint) -> None:
    assert "retry-after" not in (await send(endpoint, body(endpoint, "status=429"))).headers
    assert (await send(endpoint, body(endpoint, "status=429 retry_after=0.5"))).headers["retry-after"] == "0.5"


@BOTH
async def test_unreachable_is_no_connection(endpoint: Endpoint) -> None:
    simulator = upstream()
    with pytest.raises(UpstreamUnreachable):
        await simulator.open(call(endpoint, body(endpoint, "unreachable")))
    assert simulator.open_answers == 0


@BOTH
@pytest.mark.parametrize("at", [0, 1, 3, 7])
async def test_drop_loses_the_connection_after_so_many_frames(endpoint: Endpoint, at: int) -> None:
    whole, _ = await read(upstream(), endpoint, body(endpoint))
    received, broken = await read(upstream(), endpoint, body(endpoint, f"drop_at={at}"))
    assert isinstance(broken, UpstreamBroken)
    assert len(received) == at
    assert [len(each) for each in received[2:]] == [len(each) for each in whole[2:at]]


@BOTH
async def test_end_is_a_clean_end_too_early(endpoint: Endpoint) -> None:
    received, broken = await read(upstream(), endpoint, body(endpoint, "end_at=5"))
    assert broken is None
    assert len(received) == 5


@BOTH
async def test_half_a_frame_is_cut_within(endpoint: Endpoint) -> None:
    received, broken = await read(upstream(), endpoint, body(endpoint, "half_frame_at=5"))
    assert broken is None
    assert len(received) == 6
    assert not received[-1].endswith(b"\n\n")
    assert received[-1]


@BOTH
async def test_a_malformed_frame_is_not_json_and_the_stream_goes_on(endpoint: Endpoint) -> None:
    received, _ = await read(upstream(), endpoint, body(endpoint, "malformed_at=5"))
    with pytest.raises(json.JSONDecodeError):
        json.loads(received[5].removeprefix(b"data: "))
    assert received[-1] == b"data: [DONE]\n\n"


@pytest.mark.parametrize("at", [2, 6])
async def test_a_responses_stream_fails_within_its_grammar(at: int) -> None:
    received, _ = await read(upstream(), "responses", body("responses", f"fail_at={at}"))
    data = b"".join(received)
    assert len(received) == at + 3
    final = grammar.check(data)
    assert final["status"] == "failed"
    assert final["error"]["code"] == "server_error"
    error = grammar.events(data)[at]
    assert set(error) == {"type", "sequence_number", "code", "message", "param"}


async def test_a_chat_stream_fails_with_an_error_and_no_end() -> None:
    received, _ = await read(upstream(), "chat", body("chat", "fail_at=3"))
    assert len(received) == 4
    assert json.loads(received[-1].removeprefix(b"data: "))["error"]["type"] == "server_error"


@BOTH
async def test_error_200_is_an_error_where_the_answer_should_be(endpoint: Endpoint) -> None:
    got = await send(endpoint, body(endpoint, "error_200"))
    assert got.status == 200
    (frame,) = got.received
    assert json.loads(frame.partition(b"data: ")[2])["error"]["code"] == "server_error"
    plain = await send(endpoint, MAKERS[endpoint](**with_directives("error_200")))
    assert plain.status == 200
    assert set(plain.json) == {"error"}


@BOTH
async def test_plain_answers_break_in_their_middle(endpoint: Endpoint) -> None:
    def plain(directives: str = "") -> Json:
        return MAKERS[endpoint](**with_directives(directives))

    for directives, broken in (("drop_at=1", True), ("half_frame_at=1", False), ("end_at=1", False)):
        received, error = await read(upstream(), endpoint, plain(directives))
        assert (error is not None) is broken
        assert received
        with pytest.raises(json.JSONDecodeError):
            json.loads(b"".join(received))
    received, _ = await read(upstream(), endpoint, plain("malformed_at=1"))
    assert b"not JSON" in received[0]


async def test_plain_answers_fail_as_their_protocol_does() -> None:
    failed = await send("responses", responses(**with_directives("fail_at=3")))
    assert (failed.status, failed.json["status"], failed.json["error"]["code"]) == (200, "failed", "server_error")
    refused = await send("chat", chat(**with_directives("fail_at=3")))
    assert (refused.status, refused.json["error"]["code"]) == (500, "server_error")


# Figures


@BOTH
@pytest.mark.parametrize("stream", [True, False])
async def test_no_usage_is_reported_as_none(endpoint: Endpoint, stream: bool) -> None:
    options = {"stream_options": {"include_usage": True}} if endpoint == "chat" and stream else {}
    got = await send(endpoint, {**body(endpoint, "no_usage", **options), "stream": stream})
    if endpoint == "chat":
        assert b'"usage"' not in got.body
        return
    final = grammar.check(got.body) if stream else got.json
    assert final["usage"] is None
    assert "tool_usage" not in final


def usage_of(endpoint: Endpoint, answer: Any) -> tuple[int, int, int, int]:
    usage = answer["usage"]
    names = ("prompt", "completion") if endpoint == "chat" else ("input", "output")
    cached = usage[f"{names[0]}_tokens_details"]["cached_tokens"]
    return usage[f"{names[0]}_tokens"], cached, usage[f"{names[1]}_tokens"], usage["total_tokens"]


@BOTH
async def test_usage_can_be_set(endpoint: Endpoint) -> None:
    request = MAKERS[endpoint](**with_directives("usage_input=1000 usage_cached=400 usage_output=50000"))
    assert usage_of(endpoint, (await send(endpoint, request)).json) == (1000, 400, 50_000, 51_000)


@BOTH
@pytest.mark.parametrize("wanted", [1, 2, 48, 5000])
@pytest.mark.parametrize("effort", [None, "high"])
async def test_tokens_is_the_exact_output(endpoint: Endpoint, wanted: int, effort: str | None) -> None:
    thinking = {"reasoning_effort": effort} if endpoint == "chat" else {"reasoning": {"effort": effort}}
    request = MAKERS[endpoint](**with_directives(f"tokens={wanted}"), **(thinking if effort else {}))
    assert usage_of(endpoint, (await send(endpoint, request)).json)[2] == wanted


async def test_chunk_tokens_makes_fewer_and_longer_frames() -> None:
    one = await send("chat", body("chat", "tokens=60"))
    ten = await send("chat", body("chat", "tokens=60 chunk_tokens=10"))
    assert len(one.chunks) == 62
    assert len(ten.chunks) == 8


async def test_a_filter_ends_a_response_as_incomplete() -> None:
    final = grammar.check((await send("responses", body("responses", "filter"))).body)
    assert final["incomplete_details"] == {"reason": "content_filter"}


async def test_directives_can_be_limited_to_one_upstream() -> None:
    request = body("chat", "on=first status=503")
    assert (await send("chat", request, SimulatorUpstream("first", pace_seconds=0))).status == 503
    assert (await send("chat", request, SimulatorUpstream("second", pace_seconds=0))).status == 200


@BOTH
async def test_an_unknown_directive_is_rejected_and_the_valid_ones_are_listed(endpoint: Endpoint) -> None:
    got = await send(endpoint, body(endpoint, "explode"))
    assert got.status == 400
    error = got.json["error"]
    assert error["param"] == "metadata.simulator"
    assert "'explode'" in error["message"]
    assert all(name in error["message"] for name in RULES)


@BOTH
async def test_a_large_body_is_read_in_a_thread_with_the_same_answer(endpoint: Endpoint) -> None:
    request = MAKERS[endpoint]("many words " * 60_000)
    got = await send(endpoint, request)
    assert got.status == 200
    assert 150_000 < usage_of(endpoint, got.json)[0] < len(json.dumps(request))
