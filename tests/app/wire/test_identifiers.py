"""Identifiers within OpenAI's bounds."""

from __future__ import annotations

import json

from app.wire.canonical import CanonicalRequest, FunctionCall, FunctionCallOutput, Hints, Target, Text
from app.wire.chat.request_writer import write_chat_request
from app.wire.identifiers import LENGTH_MAX, bounded
from app.wire.responses.request_writer import write_responses_request

LONG = "user-" + "7" * 100
TARGET = Target("up", "m", 100)


def test_a_long_identifier_becomes_a_digest_of_itself() -> None:
    assert bounded("a" * LENGTH_MAX) == "a" * LENGTH_MAX
    assert len(bounded(LONG)) == LENGTH_MAX
    assert bounded(LONG) == bounded(LONG) != bounded(LONG + "8")


def test_a_call_and_its_output_still_agree() -> None:
    items = FunctionCall(LONG, "f", "{}"), FunctionCallOutput(LONG, (Text("x"),))
    request = CanonicalRequest("chat", "m", items)
    call, output = json.loads(write_responses_request(request, TARGET))["input"]
    assert call["call_id"] == output["call_id"] == bounded(LONG)


def test_end_users_and_cache_keys() -> None:
    request = CanonicalRequest("responses", "m", (), instructions="Be.", hints=Hints(None, LONG, LONG, LONG))
    written = json.loads(write_responses_request(request, TARGET)), json.loads(write_chat_request(request, TARGET))
    for name in ("user", "safety_identifier", "prompt_cache_key"):
        assert [body[name] for body in written] == [bounded(LONG)] * 2
