"""Any request is written or rejected by name, and a written one follows the rules of the protocol."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from app.wire.canonical import CanonicalRequest, Target
from app.wire.chat.request import parse_chat
from app.wire.chat.request_reader import KNOWN, read_chat_request
from app.wire.chat.request_writer import write_chat_request
from app.wire.dialects import REQUEST_WRITERS
from app.wire.exchange import RequestError
from app.wire.request import read_body
from tests.support.wire.canonical_requests import any_requests, plain_requests, targets

MODELS = st.just("vendor/model")


def checked(body: bytes, target: Target) -> None:
    """The laws that OpenAI itself holds a request to."""
    parse_chat(body)
    result: dict[str, Any] = msgspec.json.decode(body)
    assert result.keys() <= KNOWN
    assert (result["model"], result["max_completion_tokens"]) == (target.model, target.max_output_tokens)
    assert ("tool_choice" not in result and "parallel_tool_calls" not in result) or result["tools"]
    for message in result["messages"]:
        assert message["role"] in ("system", "user", "assistant", "tool")
        answered = message.get("refusal") is not None or message.get("tool_calls")
        assert message["content"] is not None or (message["role"] == "assistant" and answered)
        assert ("tool_call_id" in message) == (message["role"] == "tool")


@settings(deadline=None)
@given(any_requests(), targets(MODELS))
def test_any_request_is_written_or_rejected_by_name(request: CanonicalRequest, target: Target) -> None:
    try:
        body = write_chat_request(request, target)
    except RequestError as error:
        assert error.param  # noqa: PT017 - either way is right, and neither is certain
        return
    checked(body, target)


@settings(deadline=None)
@given(plain_requests(), targets(MODELS))
def test_a_plain_request_is_always_written(request: CanonicalRequest, target: Target) -> None:
    checked(write_chat_request(request, target), target)


@settings(deadline=None)
@given(any_requests(), targets(MODELS))
def test_any_chat_request_is_written_for_any_upstream_or_rejected_by_name(
    request: CanonicalRequest, target: Target
) -> None:
    """Requests of chat clients are drawn as what write_chat makes of any CanonicalRequest."""
    with contextlib.suppress(RequestError):
        read = read_chat_request(read_body(write_chat_request(request, target)), {})
        for write in REQUEST_WRITERS.values():
            try:
                assert msgspec.json.decode(write(read, target))
            except RequestError as error:
                assert error.param  # noqa: PT017 - either way is right, and neither is certain
