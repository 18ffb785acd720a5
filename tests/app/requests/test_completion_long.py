"""Answers that an upstream cannot finish: a request that is too long for its model, and sizes that it declares and never sends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.scripted_upstream import Head, Request, Script, Stall, serve
from tests.fakes.upstream_script import Chunk, Send
from tests.support.gateway.gateway import CREDIT_NANOS, Json, chat, envelope, responses, running

TOO_LONG = "This model's maximum context length is 8192 tokens. However, your request has 9000 input tokens."
ERROR = {"error": {"message": TOO_LONG, "type": "BadRequestError", "param": None, "code": 400}}
SSE = (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))
BODIES = {"responses": responses, "chat/completions": chat}


def plain(status: int, body: Json) -> Script:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} Any\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    return [Send(head.encode() + data), Stall()]


def streamed(body: Json) -> Script:
    return [Head(200, SSE), Chunk(b"data: " + json.dumps(body).encode() + b"\n\n"), Stall()]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("stream", "script"),
    [
        (False, plain(400, ERROR)),
        (True, plain(400, ERROR)),
        (False, plain(400, {"object": "error", "message": TOO_LONG, "type": "BadRequestError", "code": 400})),
        (True, plain(500, ERROR)),
        (False, plain(422, {"error": TOO_LONG, "error_type": "validation"})),
        (False, plain(200, ERROR)),
        (True, streamed(ERROR)),
    ],
)
async def test_a_request_that_is_too_long_is_said_to_be_and_costs_nothing(
    tmp_path: Path, path: str, stream: bool, script: Script
) -> None:
    calls: list[Request] = []

    def answer(request: Request) -> Script:
        calls.append(request)
        return script

    async with serve(answer) as upstream, running(tmp_path, upstreams={"vendor": upstream.base_url}) as gateway:
        error = envelope(await gateway.post(path, BODIES[path](stream=stream)), 400, "context_length_exceeded")
        assert (error["type"], error["message"]) == ("invalid_request_error", TOO_LONG)
        await gateway.only_release("upstream_failed")
        assert (gateway.available, gateway.held, len(calls)) == (CREDIT_NANOS, 0, 1)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "framing",
    [b"transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n", b"content-length: 18446744073709551615\r\n\r\n{"],
)
async def test_an_absurd_size_is_a_broken_answer_at_once(
    tmp_path: Path, path: str, stream: bool, framing: bytes
) -> None:
    script: Script = [Send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + framing), Stall()]
    async with (
        serve(lambda _request: script) as upstream,
        running(tmp_path, upstreams={"vendor": upstream.base_url}, limits={"attempts": 1}) as gateway,
    ):
        envelope(await gateway.post(path, BODIES[path](stream=stream)), 502, "upstream_broken")
        await gateway.only_release("upstream_failed")
        assert (gateway.available, gateway.held) == (CREDIT_NANOS, 0)
