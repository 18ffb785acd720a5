"""Asking upstreams in order, on a clock that jumps: who is asked again, after how long, and that no answer stays open."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from app.accounts.auth import Key
from app.faults import UpstreamBroken, UpstreamError, UpstreamRefused, UpstreamTimeout, UpstreamUnreachable
from app.requests.attempts import Offer
from app.requests.opening import PAUSE_SECONDS_MAX, Upstreams, answer_fault
from app.requests.plan import Plan, make_plan
from app.settings import parse as parse_settings
from app.upstream.base import UpstreamCall
from app.wire.dialects import parse
from app.wire.exchange import AnswerError
from domain.events import KeyLimits
from tests.fakes.openai_shapes import responses_body, responses_frames
from tests.support.gateway.gateway import configuration, responses

CATALOG = parse_settings(configuration(Path("/nowhere"), upstreams={"a": "", "b": ""})).catalog()
OFFERS = {name: Offer("simulator", 2**20, fetches_urls=True) for name in "ab"}
Part = bytes | UpstreamError | None
"""None: silence."""


class Answer:
    def __init__(self, status: int, parts: Iterable[Part], headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.headers = dict(headers or {})
        self._parts = iter(parts)
        self.closed = False

    async def receive(self) -> bytes:
        await trio.lowlevel.checkpoint()
        part = next(self._parts, b"")
        if part is None:
            await trio.sleep_forever()
        if isinstance(part, UpstreamError):
            raise part
        assert part is not None
        return part

    async def aclose(self) -> None:
        self.closed = True
        await trio.lowlevel.checkpoint()


class Scripted:
    """Gives one outcome a call: an answer, an error to raise, or None for silence. Remembers when it was asked."""

    def __init__(self, name: str, *outcomes: Answer | UpstreamError | None) -> None:
        self.name = name
        self._outcomes = list(outcomes)
        self.asked_at: list[float] = []
        self.bodies: list[bytes] = []

    async def open(self, call: UpstreamCall) -> Answer:
        self.asked_at.append(trio.current_time())
        self.bodies.append(call.body)
        outcome = self._outcomes.pop(0)
        if outcome is None:
            await trio.sleep_forever()
        if isinstance(outcome, UpstreamError):
            raise outcome
        assert outcome is not None
        return outcome


def order(*, stream: bool = True) -> Plan:
    return make_plan(
        parse("responses", json.dumps(responses(stream=stream)).encode()),
        key=Key("acct", "key", "digest", KeyLimits()),
        catalog=CATALOG,
        offers=OFFERS,
        stored={},
        request_id="req_1",
        default_max_output_tokens=10,
        now_micros=0,
    )


def good() -> Answer:
    return Answer(200, responses_frames(2))


def refusing(status: int, **headers: str) -> Answer:
    return Answer(status, [b'{"error": {"message": "no", "type": "t", "code": null}}'], headers)


def upstreams(*made: Scripted, attempts: int = 2) -> tuple[Upstreams, list[UpstreamError]]:
    told: list[UpstreamError] = []
    return Upstreams({one.name: one for one in made}, attempts=attempts, on_error=told.append), told


async def test_the_first_that_answers_is_taken_and_the_next_not_asked(autojump_clock: MockClock) -> None:
    answer = good()
    a, b = Scripted("a", answer), Scripted("b")
    calls, told = upstreams(a, b)
    opened = await calls.open(order(), "req_1", 10)
    assert opened.upstream == "a"
    assert b"response.created" in opened.first
    assert b"gpt-5.4-mini" in opened.first
    assert b.asked_at == []
    assert told == []
    assert not answer.closed


@pytest.mark.parametrize(
    "failure",
    [
        UpstreamUnreachable("a", "x"),
        UpstreamBroken("a", "x"),
        refusing(500),
        refusing(429),
        refusing(408),
        Answer(200, [UpstreamBroken("a", "lost")]),
        Answer(200, [b"data: {junk\n\n"]),
        Answer(200, []),
    ],
    ids=["unreachable", "broken", "500", "429", "408", "lost", "junk", "empty"],
)
async def test_what_may_help_is_tried_again_after_a_short_pause(
    autojump_clock: MockClock, failure: Answer | UpstreamError
) -> None:
    a, b = Scripted("a", failure, good()), Scripted("b")
    calls, told = upstreams(a, b)
    opened = await calls.open(order(), "req_1", 10)
    assert opened.upstream == "a"
    assert len(told) == 1
    assert a.bodies[0] == a.bodies[1]
    assert 0.1 <= a.asked_at[1] - a.asked_at[0] <= 0.3
    assert not isinstance(failure, Answer) or failure.closed


@pytest.mark.parametrize("status", [400, 404, 413, 422])
async def test_what_is_the_requests_fault_is_told_at_once(autojump_clock: MockClock, status: int) -> None:
    a, b = Scripted("a", refusing(status)), Scripted("b")
    calls, _ = upstreams(a, b)
    with pytest.raises(UpstreamRefused) as refused:
        await calls.open(order(), "req_1", 10)
    assert refused.value.status == status
    assert b.asked_at == []


@pytest.mark.parametrize("status", [401, 403])
async def test_credentials_that_are_refused_are_not_tried_again_but_the_next_upstream_is(
    autojump_clock: MockClock, status: int
) -> None:
    a, b = Scripted("a", refusing(status)), Scripted("b", good())
    calls, _ = upstreams(a, b)
    assert (await calls.open(order(), "req_1", 10)).upstream == "b"
    assert len(a.asked_at) == 1


async def test_a_wait_that_was_asked_for_is_kept_where_it_is_short(autojump_clock: MockClock) -> None:
    a = Scripted("a", refusing(429, **{"retry-after": "3"}), good())
    calls, _ = upstreams(a, Scripted("b"))
    await calls.open(order(), "req_1", 10)
    assert a.asked_at[1] - a.asked_at[0] == pytest.approx(3)


async def test_a_wait_that_is_too_long_goes_to_the_next_upstream(autojump_clock: MockClock) -> None:
    a, b = Scripted("a", refusing(429, **{"retry-after": "60"})), Scripted("b", good())
    calls, _ = upstreams(a, b)
    assert (await calls.open(order(), "req_1", 10)).upstream == "b"
    assert trio.current_time() < PAUSE_SECONDS_MAX


@pytest.mark.parametrize("silent", ["head", "body", "half-a-frame"])
async def test_silence_is_cut_at_the_first_bytes_deadline_and_the_next_is_asked(
    autojump_clock: MockClock, silent: str
) -> None:
    answer = {"head": None, "body": Answer(200, [None]), "half-a-frame": Answer(200, [b"data: {", None])}[silent]
    a, b = Scripted("a", answer), Scripted("b", good())
    calls, told = upstreams(a, b)
    assert (await calls.open(order(), "req_1", 10)).upstream == "b"
    assert trio.current_time() == pytest.approx(10)
    assert [type(error) for error in told] == [UpstreamTimeout]
    assert answer is None or answer.closed


async def test_when_none_answers_the_last_failure_is_raised(autojump_clock: MockClock) -> None:
    a = Scripted("a", UpstreamUnreachable("a", "x"), UpstreamUnreachable("a", "x"))
    b = Scripted("b", refusing(500), refusing(503))
    calls, told = upstreams(a, b)
    with pytest.raises(UpstreamRefused) as refused:
        await calls.open(order(), "req_1", 10)
    assert (refused.value.upstream, refused.value.status) == ("b", 503)
    assert len(told) == 4


async def test_a_caller_that_is_cancelled_leaves_no_answer_open(autojump_clock: MockClock) -> None:
    answer = Answer(200, [b"data: {", None])
    calls, _ = upstreams(Scripted("a", answer), Scripted("b"))
    with trio.move_on_after(1):
        await calls.open(order(), "req_1", 10)
    assert answer.closed


async def test_pauses_grow_and_stay_bounded(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: 1.0)
    a = Scripted("a", *(UpstreamUnreachable("a", "x") for _ in range(8)))
    b = Scripted("b", *(UpstreamUnreachable("b", "x") for _ in range(8)))
    calls, _ = upstreams(a, b, attempts=8)
    with pytest.raises(UpstreamUnreachable):
        await calls.open(order(), "req_1", 10)
    gaps = [round(after - before, 3) for before, after in zip(a.asked_at, a.asked_at[1:], strict=False)]
    assert gaps == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


async def test_a_refusal_that_never_ends_is_read_for_a_bounded_time(autojump_clock: MockClock) -> None:
    a, b = Scripted("a", Answer(400, [b"{", None])), Scripted("b")
    calls, _ = upstreams(a, b)
    with pytest.raises(UpstreamRefused) as refused:
        await calls.open(order(), "req_1", 30)
    assert refused.value.status == 400
    assert trio.current_time() == pytest.approx(10)


async def test_a_plain_answer_is_opened_when_its_body_is_whole(autojump_clock: MockClock) -> None:
    body = json.dumps(responses_body()).encode()
    a = Scripted("a", Answer(200, [body[:50], body[50:]], {"x-request-id": "vendor-1"}))
    calls, _ = upstreams(a, Scripted("b"))
    opened = await calls.open(order(stream=False), "req_1", 10)
    assert opened.first == b""
    assert opened.relay.finished
    assert opened.upstream_request_id == "vendor-1"


@pytest.mark.parametrize(
    ("type", "code", "status"),
    [
        ("invalid_request_error", "bad_image", 400),
        ("invalid_request_error", "invalid_api_key", 401),
        ("requests", "rate_limit_exceeded", 429),
        ("insufficient_quota", "insufficient_quota", 429),
        ("server_error", None, 500),
        (None, None, 500),
    ],
)
def test_an_error_inside_a_200_has_the_status_that_it_would_have_had_alone(
    type: str | None, code: str | None, status: int
) -> None:
    fault = answer_fault("a", AnswerError("no", malformed=False, type=type, code=code))
    assert isinstance(fault, UpstreamRefused)
    assert (fault.status, fault.retryable) == (status, status != 400)
    assert isinstance(answer_fault("a", AnswerError("junk", malformed=True)), UpstreamBroken)


@pytest.mark.parametrize(("protocol", "param"), [("simulator", "input"), ("openai-chat", None)])
async def test_a_parameter_of_another_protocol_is_not_named(
    protocol: str, param: str | None, autojump_clock: MockClock
) -> None:
    refusal = Answer(400, [b'{"error": {"message": "no", "type": "t", "param": "input"}}'])
    calls, _ = upstreams(Scripted("a", refusal))
    asked = make_plan(
        parse("responses", json.dumps(responses()).encode()),
        key=Key("acct", "key", "digest", KeyLimits()),
        catalog=CATALOG,
        offers={name: Offer(protocol, 2**20, fetches_urls=True) for name in "ab"},
        stored={},
        request_id="req_1",
        default_max_output_tokens=10,
        now_micros=0,
    )
    with pytest.raises(UpstreamRefused) as caught:
        await calls.open(asked, "req_1", 10)
    assert caught.value.param == param
