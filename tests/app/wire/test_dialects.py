"""Which relay and which body a request gets: a pass-through if the upstream speaks its protocol, otherwise a translation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.canonical import Target
from app.wire.chat.passthrough import ChatPlainRelay, ChatStreamRelay
from app.wire.dialects import (
    REQUEST_READERS,
    dialect_for,
    parse,
    passthrough_body,
    passthrough_relay,
    translation_relay,
)
from app.wire.exchange import Endpoint, ParsedRequest
from app.wire.responses.passthrough import ResponsesPlainRelay, ResponsesStreamRelay
from app.wire.translate import PlainTranslation, StreamTranslation

BOTH = ("responses", "chat")
TARGET = Target(upstream="vendor", model="its-name", max_output_tokens=64)
MEMBERS: dict[Endpoint, dict[str, Any]] = {
    "responses": {"input": "Hello"},
    "chat": {"messages": [{"role": "user", "content": "Hello"}]},
}


def request(endpoint: Endpoint, *, stream: bool = False) -> ParsedRequest:
    return parse(endpoint, json.dumps({"model": "public", "stream": stream} | MEMBERS[endpoint]).encode())


@pytest.mark.parametrize(
    ("endpoint", "protocol", "endpoints", "dialect"),
    [
        ("responses", "openai", BOTH, "responses"),
        ("chat", "openai", BOTH, "chat"),
        ("chat", "openai", ("responses",), "responses"),
        ("responses", "openai", ("chat",), "chat"),
        ("chat", "simulator", ("responses",), "responses"),
        ("responses", "openai-chat", ("responses",), "chat"),
        ("chat", "openai-chat", ("responses",), "chat"),
        ("responses", "anthropic", ("responses",), "anthropic"),
        ("chat", "anthropic", ("chat",), "anthropic"),
        ("responses", "gemini", BOTH, "gemini"),
    ],
)
def test_an_upstream_gets_the_clients_dialect_if_it_speaks_it(
    endpoint: Endpoint, protocol: str, endpoints: tuple[str, ...], dialect: str
) -> None:
    assert dialect_for(endpoint, protocol, endpoints) == dialect


@pytest.mark.parametrize(("endpoint", "limit"), [("responses", "max_output_tokens"), ("chat", "max_completion_tokens")])
def test_a_pass_through_body_has_the_upstreams_model_and_the_held_limit(endpoint: Endpoint, limit: str) -> None:
    actual = json.loads(passthrough_body(request(endpoint), TARGET))
    assert actual.items() >= ({"model": "its-name", limit: 64} | MEMBERS[endpoint]).items()


@pytest.mark.parametrize(
    ("endpoint", "stream", "kind"),
    [
        ("responses", False, ResponsesPlainRelay),
        ("responses", True, ResponsesStreamRelay),
        ("chat", False, ChatPlainRelay),
        ("chat", True, ChatStreamRelay),
    ],
)
def test_a_pass_through_is_relayed_in_its_own_protocol_and_never_continued(
    endpoint: Endpoint, stream: bool, kind: type
) -> None:
    made = passthrough_relay(request(endpoint, stream=stream), model="public", upstream="vendor")
    assert type(made) is kind
    assert made.continuation() is None


@pytest.mark.parametrize(("stream", "kind"), [(False, PlainTranslation), (True, StreamTranslation)])
@pytest.mark.parametrize(("endpoint", "answers"), [("responses", "resp_"), ("chat", "chatcmpl-")])
def test_a_translation_answers_in_the_clients_protocol(
    endpoint: Endpoint, answers: str, stream: bool, kind: type
) -> None:
    parsed = request(endpoint, stream=stream)
    made = translation_relay(
        REQUEST_READERS[endpoint](parsed.fields, {}),
        "anthropic",
        TARGET,
        model="public",
        seed="0" * 32,
        created=0,
        fields=parsed.fields,
    )
    assert type(made) is kind
    assert made.response_id is not None
    assert made.response_id.startswith(answers)
