"""Answers that pass through show the usage that they are billed by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.billed_usage import show_in_body, show_in_chunks, show_in_response_frame, shown
from app.wire.chat.passthrough import ChatPlainRelay, ChatStreamRelay
from app.wire.chat.usage import usage_object
from app.wire.responses.passthrough import ResponsesPlainRelay, ResponsesStreamRelay
from app.wire.responses.response import usage_object as responses_object
from domain.usage import Usage
from tests.support.wire.streams import CHAT_USAGE, chunk, payloads, response, response_events, sse, usage_chunk

BILLED = Usage(input=15, cached_input=5, output=7, reasoning=3)
"""What CHAT_USAGE reports."""
OTHER = Usage(input=20, output=9, estimated=True)


@pytest.mark.parametrize(
    "reported",
    [
        CHAT_USAGE,
        {name: value for name, value in CHAT_USAGE.items() if name != "total_tokens"},
        CHAT_USAGE | {"prompt_tokens": 20.0, "extra": 1},
    ],
)
def test_usage_that_shows_the_billed_figures_is_not_touched(reported: Any) -> None:
    assert shown(reported, usage_object(BILLED)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"prompt_tokens": 0},
        {"completion_tokens": None},
        {"total_tokens": 0},
        {"prompt_tokens_details": None},
        {"prompt_tokens_details": {"cached_tokens": 0}},
        {"completion_tokens_details": []},
    ],
)
def test_usage_that_shows_other_figures_is_replaced_and_keeps_its_other_members(change: Any) -> None:
    result = shown(CHAT_USAGE | change | {"cost": 1}, usage_object(BILLED))
    assert result is not None
    assert result["cost"] == 1
    assert shown(result, usage_object(BILLED)) is None


def test_absent_usage_is_the_billed_one() -> None:
    assert shown(None, usage_object(OTHER)) == usage_object(OTHER)


def chat_tail(*chunks: Any, usage: Usage, requested: bool = True) -> list[Any]:
    relay = ChatStreamRelay(model="public", include_usage=requested, choices=1)
    relay.feed(sse(*chunks, "[DONE]"))
    return payloads(relay.tail(usage))


def test_a_chat_stream_without_usage_gets_a_chunk_if_the_client_requested_it() -> None:
    finish, added, done = chat_tail(chunk("a"), chunk(finish="stop"), usage=OTHER)
    assert done == "[DONE]"
    assert added == {**finish, "choices": [], "usage": usage_object(OTHER)}
    assert len(chat_tail(chunk("a"), chunk(finish="stop"), usage=OTHER, requested=False)) == 2


def test_the_last_usage_of_a_chat_stream_is_replaced_if_it_differs() -> None:
    sent = (
        chunk("a"),
        chunk(finish="stop"),
        usage_chunk(CHAT_USAGE),
        usage_chunk({"prompt_tokens": 0}),
        chunk(usage=None),
    )
    frames = chat_tail(*sent, usage=OTHER)
    assert [frame["usage"]["prompt_tokens"] for frame in frames[1:3]] == [20, 20]
    assert frames[2]["usage"] == usage_object(OTHER)


@pytest.mark.parametrize(("usage", "added"), [(BILLED, 0), (OTHER, 1)])
def test_usage_that_was_forwarded_before_is_repeated_only_if_it_differs(usage: Usage, added: int) -> None:
    assert len(chat_tail(chunk("a"), usage_chunk(CHAT_USAGE), chunk(finish="stop"), usage=usage)) == 2 + added


def test_bytes_do_not_change_if_the_figures_are_those_billed() -> None:
    held = [b": note\n\n", sse(usage_chunk(CHAT_USAGE)), b"data: {}\r\r"]
    assert show_in_chunks(held, usage_object(BILLED), requested=True, forwarded=None) == held
    body = json.dumps({"usage": CHAT_USAGE}, indent=1).encode()
    assert show_in_body(body, usage_object(BILLED), reported=json.loads(body)["usage"]) == body
    reported = response("completed", usage=responses_object(BILLED))
    frame = sse({"type": "response.completed", "response": reported})
    assert show_in_response_frame(frame, responses_object(BILLED)) == frame


@pytest.mark.parametrize("usage", [None, CHAT_USAGE, []])
def test_a_plain_completion_shows_the_billed_usage(usage: Any) -> None:
    relay = ChatPlainRelay(model="public")
    choice = {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}
    relay.feed(json.dumps({"id": "c", "model": "m", "choices": [choice], "usage": usage}).encode())
    relay.end()
    found = json.loads(relay.tail(OTHER))
    assert shown(found["usage"], usage_object(OTHER)) is None
    assert (found["model"], found["choices"]) == ("public", [choice])


@pytest.mark.parametrize("usage", [None, {"input_tokens": 0, "output_tokens": 0, "x": 1}])
def test_a_response_shows_the_billed_usage(usage: Any) -> None:
    stream = ResponsesStreamRelay(model="public", upstream="up")
    stream.feed(sse(*response_events(usage=usage)))
    plain = ResponsesPlainRelay(model="public", upstream="up")
    plain.feed(json.dumps(response("completed", usage=usage)).encode())
    plain.end()
    for found in (payloads(stream.tail(OTHER))[-2]["response"], json.loads(plain.tail(OTHER))):
        assert found["usage"] == (usage or {}) | responses_object(OTHER)
        assert found["model"] == "public"
