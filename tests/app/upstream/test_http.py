"""The openai upstream: what it sends, how its errors are mapped, and what a refusal says."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from app.faults import UpstreamBroken, UpstreamTimeout, UpstreamUnreachable
from app.upstream.base import UpstreamAnswer, UpstreamCall
from app.upstream.http import REFUSAL_BYTES_MAX, HttpUpstream, UpstreamTimeouts, refused
from app.upstream.http1.transport import PoolLimits, TrioTransport
from app.upstream.refusal import MESSAGE_CHARS_MAX, retry_after
from tests.fakes.openai_shapes import chat_frames, responses_frames
from tests.fakes.scripted_upstream import (
    Abort,
    Chunk,
    Close,
    Head,
    Script,
    Send,
    Stall,
    WaitFor,
    error_answer,
    openai_script,
    refused_port,
    serve,
)

KEY = "sk-proj-very-secret-0123456789"
CHUNKED = Head(200, (("transfer-encoding", "chunked"),))
STREAM = UpstreamCall("chat", b'{"stream":true}', True, "req_1")
PLAIN = UpstreamCall("responses", b'{"a": 1}', False, "req_2")

MakeUpstream = Callable[..., HttpUpstream]


@pytest.fixture
async def make_upstream() -> AsyncIterator[MakeUpstream]:
    transport = TrioTransport(limits=PoolLimits(connections_max=1))

    def make(base_url: str, **options: Any) -> HttpUpstream:
        return HttpUpstream("vendor", base_url, KEY, transport=transport, **options)

    yield make
    assert transport.leased_connections == 0
    await transport.aclose()


async def read_all(answer: UpstreamAnswer) -> bytes:
    body = bytearray()
    while data := await answer.receive():
        body += data
    return bytes(body)


@pytest.mark.parametrize(
    ("endpoint", "path", "frames"),
    [("chat", "/v1/chat/completions", chat_frames(3)), ("responses", "/v1/responses", responses_frames(3))],
)
async def test_a_stream_comes_as_it_was_sent(
    make_upstream: MakeUpstream, endpoint: Any, path: str, frames: list[bytes]
) -> None:
    async with serve(lambda request: openai_script(request, chunks=3)) as server:
        answer = await make_upstream(server.base_url).open(UpstreamCall(endpoint, b'{"stream":true}', True, "req_1"))
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert await read_all(answer) == b"".join(frames)
        assert await answer.receive() == b""
        await answer.aclose()
        assert server.requests[0].path == path
        assert server.open_connections == 1


async def test_a_request_carries_exactly_the_headers_named(make_upstream: MakeUpstream) -> None:
    async with serve(lambda request: openai_script(request, chunks=3)) as server:
        await read_all(await make_upstream(server.base_url + "/").open(PLAIN))
        (request,) = server.requests
        sent = {name.lower(): value for name, value in request.headers}
        assert sent.pop("user-agent").startswith("realrouter/")
        assert sent == {
            "host": f"127.0.0.1:{server.port}",
            "content-type": "application/json",
            "accept": "application/json",
            "accept-encoding": "identity",
            "authorization": f"Bearer {KEY}",
            "x-client-request-id": "req_2",
            "content-length": "8",
        }
        assert request.body == PLAIN.body


@pytest.mark.parametrize(
    ("protocol", "call", "path", "headers"),
    [
        (
            "anthropic",
            UpstreamCall("anthropic", b"{}", True, "req_1"),
            "/v1/messages",
            {"x-api-key": KEY, "anthropic-version": "2023-06-01", "accept": "text/event-stream"},
        ),
        (
            "gemini",
            UpstreamCall("gemini", b"{}", True, "req_1", "gemini-3-pro"),
            "/v1/models/gemini-3-pro:streamGenerateContent?alt=sse",
            {"x-goog-api-key": KEY, "accept": "text/event-stream"},
        ),
        (
            "gemini",
            UpstreamCall("gemini", b"{}", False, "req_1", "../a b?c"),
            "/v1/models/..%2Fa%20b%3Fc:generateContent",
            {"x-goog-api-key": KEY, "accept": "application/json"},
        ),
    ],
)
async def test_each_protocol_has_its_own_address_and_key(
    make_upstream: MakeUpstream, protocol: str, call: UpstreamCall, path: str, headers: dict[str, str]
) -> None:
    async with serve(lambda request: openai_script(request, chunks=1)) as server:
        await read_all(await make_upstream(server.base_url, protocol=protocol).open(call))
        (request,) = server.requests
        sent = {name.lower(): value for name, value in request.headers}
        assert request.path == path
        assert headers.items() <= sent.items()
        assert "authorization" not in sent


async def test_an_error_status_is_an_answer(make_upstream: MakeUpstream) -> None:
    async with serve(lambda request: error_answer(429, "Slow down.", code="rate_limit_exceeded")) as server:
        answer = await make_upstream(server.base_url).open(PLAIN)
        refusal = refused("vendor", answer.status, answer.headers, await read_all(answer))
        assert (refusal.status, refusal.code, refusal.message) == (429, "rate_limit_exceeded", "Slow down.")


UNREACHABLE = [pytest.param([Close()], id="closed"), pytest.param([Abort()], id="reset")]


@pytest.mark.parametrize("script", UNREACHABLE)
async def test_a_connection_lost_before_any_byte_is_unreachable(make_upstream: MakeUpstream, script: Script) -> None:
    async with serve(lambda request: script) as server:
        with pytest.raises(UpstreamUnreachable) as caught:
            await make_upstream(server.base_url).open(STREAM)
        assert caught.value.upstream == "vendor"
        assert caught.value.retryable


async def test_nothing_listening_is_unreachable(make_upstream: MakeUpstream) -> None:
    with pytest.raises(UpstreamUnreachable):
        await make_upstream(f"http://127.0.0.1:{refused_port()}/v1").open(STREAM)


NO_SENSE = [
    pytest.param([Send(b"<html>hello</html>")], id="garbage"),
    pytest.param([Send(b"HTTP/1.1 200 OK\r\ncontent-"), Close()], id="half-a-head"),
    pytest.param([Send(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx")], id="gzip"),
]


@pytest.mark.parametrize("script", NO_SENSE)
async def test_an_answer_that_makes_no_sense_is_broken(make_upstream: MakeUpstream, script: Script) -> None:
    async with serve(lambda request: script) as server:
        with pytest.raises(UpstreamBroken):
            await make_upstream(server.base_url).open(STREAM)


@pytest.mark.parametrize("end", [Close(), Abort(), Send(b"zz\r\n")], ids=["closed", "reset", "garbage"])
async def test_an_answer_lost_midway_is_broken(make_upstream: MakeUpstream, end: Any) -> None:
    received = trio.Event()
    async with serve(lambda request: [CHUNKED, Chunk(b"data: half"), WaitFor(received), end]) as server:
        answer = await make_upstream(server.base_url).open(STREAM)
        assert await answer.receive() == b"data: half"
        received.set()
        with pytest.raises(UpstreamBroken):
            await answer.receive()
        await answer.aclose()


async def test_the_first_byte_has_its_own_deadline(make_upstream: MakeUpstream, jumping_clock: MockClock) -> None:
    upstream_script: list[Script] = [[Stall()], [CHUNKED, Stall()], [CHUNKED, Chunk(b"x"), Stall()]]
    async with serve(lambda request: upstream_script.pop(0)) as server:
        upstream = make_upstream(server.base_url, timeouts=UpstreamTimeouts(first_byte=100.0, idle=20.0))
        began = trio.current_time()
        with pytest.raises(UpstreamTimeout):
            await upstream.open(STREAM)
        assert 100 <= trio.current_time() - began < 101

        answer = await upstream.open(STREAM)
        began = trio.current_time()
        with pytest.raises(UpstreamTimeout):
            await answer.receive()
        assert 100 <= trio.current_time() - began < 101

        answer = await upstream.open(STREAM)
        assert await answer.receive() == b"x"
        began = trio.current_time()
        with pytest.raises(UpstreamTimeout):
            await answer.receive()
        assert 20 <= trio.current_time() - began < 21


async def test_without_an_idle_deadline_silence_is_its_callers_to_bound(
    make_upstream: MakeUpstream, jumping_clock: MockClock
) -> None:
    async with serve(lambda request: [CHUNKED, Chunk(b"x"), Stall()]) as server:
        answer = await make_upstream(server.base_url, timeouts=UpstreamTimeouts(idle=None)).open(STREAM)
        assert await answer.receive() == b"x"
        with trio.move_on_after(5000) as scope:
            await answer.receive()
        assert scope.cancelled_caught
        await server.connections[0].closed.wait()


async def test_a_full_pool_is_a_timeout(make_upstream: MakeUpstream, jumping_clock: MockClock) -> None:
    async with serve(lambda request: [CHUNKED, Stall()]) as server:
        upstream = make_upstream(server.base_url, timeouts=UpstreamTimeouts(pool=3.0))
        answer = await upstream.open(STREAM)
        with pytest.raises(UpstreamTimeout):
            await upstream.open(STREAM)
        await answer.aclose()


async def test_leaving_an_answer_closes_its_connection(make_upstream: MakeUpstream) -> None:
    async with serve(lambda request: [CHUNKED, Chunk(b"x"), Stall()]) as server:
        answer = await make_upstream(server.base_url).open(STREAM)
        assert await answer.receive() == b"x"
        await answer.aclose()
        await server.connections[0].closed.wait()


async def test_the_key_is_in_no_repr_error_or_log(
    make_upstream: MakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serve(lambda request: [Close()]) as server:
        upstream = make_upstream(server.base_url)
        with pytest.raises(UpstreamUnreachable) as caught:
            await upstream.open(STREAM)
    error: BaseException | None = caught.value
    while error is not None:
        assert KEY not in f"{error!r} {error}"
        error = error.__cause__
    assert KEY not in repr(upstream) + caplog.text


INSECURE = ["http://api.example.com/v1", "http://10.0.0.8/v1", "http://127.0.0.1.example.com/v1"]


@pytest.mark.parametrize("base_url", INSECURE)
async def test_plain_http_is_for_loopback_or_on_demand(make_upstream: MakeUpstream, base_url: str) -> None:
    with pytest.raises(ValueError, match="Plain http"):
        make_upstream(base_url)
    make_upstream(base_url, allow_insecure=True)


@pytest.mark.parametrize(
    "base_url", ["http://localhost:1/v1", "http://127.0.0.9/v1", "http://[::1]:8/v1", "https://api.example.com/v1"]
)
async def test_loopback_and_https_need_no_permission(make_upstream: MakeUpstream, base_url: str) -> None:
    assert make_upstream(base_url).name == "vendor"


@pytest.mark.parametrize(
    "base_url",
    ["ftp://host/", "api.example.com", "https://", "https://u:p@host/v1", "https://h/v1?x=1", "https://h/#f"],
)
async def test_a_base_url_that_cannot_be_used_is_refused(make_upstream: MakeUpstream, base_url: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        make_upstream(base_url)


@pytest.mark.parametrize("key", ["sk-\n", "sk- x", "schlüssel", "sk-\0"])
async def test_a_key_that_is_no_header_value_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII") as caught:
        HttpUpstream("vendor", "https://h/v1", key, transport=TrioTransport())
    assert key not in str(caught.value)


# Refusals


def refusal_of(value: Any, headers: dict[str, str] | None = None, status: int = 400) -> Any:
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return refused("vendor", status, headers or {}, body)


ENVELOPES = [
    pytest.param({"error": {"message": "No.", "type": "t", "param": "p", "code": "c"}}, ("No.", "t", "p", "c")),
    pytest.param({"message": "No.", "type": "t", "param": None, "code": 42}, ("No.", "t", None, None)),
    pytest.param({"error": "No.", "code": "c"}, ("No.", None, None, "c")),
    pytest.param([{"error": {"message": "No.", "code": 429}}], ("No.", None, None, None)),
    pytest.param({"detail": "No."}, ("No.", None, None, None)),
]


@pytest.mark.parametrize(("value", "expected"), ENVELOPES)
def test_an_envelope_is_read_nested_or_flat(value: Any, expected: tuple[str | None, ...]) -> None:
    refusal = refusal_of(value)
    assert (refusal.message, refusal.type, refusal.param, refusal.code) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502</html>",
        b"null",
        b"[]",
        b"[1]",
        b'{"error": 3}',
        b'{"error": {"message": {}}}',
        b"\xff",
        b"[" * 50_000,
        b'{"message": "' + b"x" * REFUSAL_BYTES_MAX + b'"}',
    ],
)
def test_a_body_without_an_envelope_says_its_status_only(body: bytes) -> None:
    refusal = refusal_of(body, status=502)
    assert refusal.message == "The upstream answered with status 502."
    assert (refusal.status, refusal.code, refusal.type, refusal.param) == (502, None, None, None)


def test_a_message_names_no_key_organization_or_project() -> None:
    message = (
        "Incorrect API key sk-proj-ab*****cd provided, Bearer abc.def, for organization org-Ab12Cd on tokens per min"
        " in project proj_xYz9: limit 3."
    )
    refusal = refusal_of({"error": {"message": message, "code": "sk-abc"}})
    assert refusal.message == (
        "Incorrect API key [key] provided, [key] for organization [organization] on tokens per min"
        " in project [project]: limit 3."
    )
    assert refusal.code == "[key]"


@given(st.text(max_size=3000))
def test_a_message_is_one_bounded_line(message: str) -> None:
    cleaned = refusal_of(msgspec.json.encode({"message": message.encode("utf-8", "replace").decode()})).message
    assert 0 < len(cleaned) <= MESSAGE_CHARS_MAX
    assert cleaned.isprintable() or not any(ord(char) < 32 for char in cleaned)


NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "99999999"}, 86_400.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "later"}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds
