"""Any request is written or rejected by name, and a written one follows the rules of the protocol."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from app.wire.anthropic.request_writer import write_anthropic_request
from app.wire.canonical import CanonicalRequest, Target
from app.wire.exchange import RequestError
from tests.support.wire.canonical_requests import any_requests, plain_requests, targets

MODELS = st.sampled_from(
    [
        "claude-sonnet-4-20250514",
        "claude-sonnet-4-5",
        "claude-opus-4-6",
        "claude-opus-4-8",
        "claude-sonnet-5-5",
        "other",
    ]
)
TAKEN = {
    "model",
    "max_tokens",
    "messages",
    "system",
    "stream",
    "temperature",
    "top_p",
    "stop_sequences",
    "metadata",
    "service_tier",
    "thinking",
    "output_config",
    "tools",
    "tool_choice",
}


def checked(body: dict[str, Any], target: Target) -> None:
    """The laws that Anthropic itself holds a request to."""
    assert body.keys() <= TAKEN
    assert body["max_tokens"] == target.max_output_tokens
    roles = [message["role"] for message in body["messages"]]
    assert roles[0] == "user"
    assert all(before != after for before, after in pairwise(roles))
    calls: set[str] = set()
    for message in body["messages"]:
        blocks = message["content"]
        assert blocks
        assert all(block["text"].strip() for block in blocks if block["type"] == "text")
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        assert [block["type"] for block in blocks[: len(results)]] == ["tool_result"] * len(results)
        if message["role"] == "user":
            assert set(results) == calls
            assert len(results) == len(calls)
        calls = {block["id"] for block in blocks if block["type"] == "tool_use"}
    assert not calls
    if budget := body.get("thinking", {}).get("budget_tokens"):
        assert 1024 <= budget < body["max_tokens"]


def written_or_refused(request: CanonicalRequest, target: Target) -> bytes | RequestError:
    try:
        return write_anthropic_request(request, target)
    except RequestError as error:
        return error


@given(any_requests(), targets(MODELS))
@settings(max_examples=200, deadline=None)
def test_any_request_is_written_or_rejected_by_name(request: CanonicalRequest, target: Target) -> None:
    outcome = written_or_refused(request, target)
    if isinstance(outcome, RequestError):
        assert outcome.status == 400
        assert outcome.param
        assert outcome.code in {"unsupported_parameter", "invalid_value"}
    else:
        checked(msgspec.json.decode(outcome), target)


@given(plain_requests(), targets(st.sampled_from(["claude-sonnet-4-5", "claude-opus-4-6", "other"])))
@settings(max_examples=100, deadline=None)
def test_a_plain_request_is_never_rejected(request: CanonicalRequest, target: Target) -> None:
    checked(msgspec.json.decode(write_anthropic_request(request, target)), target)
