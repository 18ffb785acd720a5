"""Chat requests read into the canonical form: parameters, formats, errors."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.wire.canonical import (
    CanonicalRequest,
    Hints,
    Message,
    Text,
    TextFormat,
)
from app.wire.chat.request_reader import KNOWN, UNSUPPORTED
from app.wire.exchange import RequestError
from tests.support.wire.chat.chat_requests import SCHEMA, assistant, make_request, refused


def test_a_minimal_request_sets_nothing_else() -> None:
    message = Message("user", (Text("hi", "messages[0].content"),), at="messages[0]")
    assert make_request() == CanonicalRequest(endpoint="chat", model="m", items=(message,))


def test_a_full_request() -> None:
    actual = make_request(
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
        store=True,
        n=3,
        max_completion_tokens=50,
        temperature=0,
        top_p=0.5,
        presence_penalty=-2,
        frequency_penalty=2.0,
        seed=-7,
        stop=["a", "b"],
        logprobs=True,
        top_logprobs=4,
        logit_bias={"50256": -100},
        reasoning_effort="xhigh",
        response_format={"type": "json_object"},
        verbosity="low",
        parallel_tool_calls=False,
        service_tier="auto",
        modalities=["text"],
        metadata={"a": "b"},
        user="u",
        safety_identifier="s",
        prompt_cache_key="k",
        prompt_cache_retention="24h",
    )
    assert actual == CanonicalRequest(
        endpoint="chat",
        model="m",
        items=actual.items,
        stream=True,
        choices=3,
        parallel_tool_calls=False,
        max_output_tokens=50,
        temperature=0,
        top_p=0.5,
        presence_penalty=-2,
        frequency_penalty=2,
        seed=-7,
        stop=("a", "b"),
        logprobs=4,
        logit_bias={"50256": -100},
        effort="xhigh",
        format=TextFormat("json_object"),
        verbosity="low",
        service_tier="auto",
        hints=Hints({"a": "b"}, "u", "s", "k", "24h"),
    )


def test_null_is_the_same_as_absent() -> None:
    nulls = dict.fromkeys({*KNOWN, *UNSUPPORTED} - {"model", "messages"})
    assert make_request(**nulls) == make_request()
    nothing: dict[str, Any] = {
        "refusal": None,
        "tool_calls": None,
        "function_call": None,
        "audio": None,
        "annotations": [],
    }
    assert assistant(content="a", **nothing) == assistant(content="a")


@pytest.mark.parametrize(
    ("members", "limit"),
    [({"max_tokens": 7}, 7), ({"max_completion_tokens": 8}, 8), ({"max_tokens": 9, "max_completion_tokens": 9}, 9)],
)
def test_output_limits(members: dict[str, Any], limit: int) -> None:
    assert make_request(**members).max_output_tokens == limit


@pytest.mark.parametrize(
    ("members", "logprobs"),
    [({"logprobs": True}, 0), ({"logprobs": True, "top_logprobs": 0}, 0), ({"logprobs": False}, None), ({}, None)],
)
def test_logprobs(members: dict[str, Any], logprobs: int | None) -> None:
    assert make_request(**members).logprobs == logprobs


def test_one_stop() -> None:
    assert make_request(stop="a").stop == ("a",)


@pytest.mark.parametrize(
    ("raw", "form"),
    [
        ({"type": "text"}, TextFormat("text")),
        ({"type": "json_schema", "json_schema": {"name": "n"}}, TextFormat("json_schema", "n")),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": SCHEMA, "strict": True}},
            TextFormat("json_schema", "n", "d", SCHEMA, True),
        ),
    ],
)
def test_formats(raw: Any, form: TextFormat) -> None:
    assert make_request(response_format=raw).format == form


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": []}, "messages", "empty_array"),
        ({"messages": "hi"}, "messages", "invalid_type"),
        ({"frequency": 1}, "frequency", "unknown_parameter"),
        ({"x" * 200: 1}, "x" * 100, "unknown_parameter"),
        ({"prediction": {"type": "content", "content": "a"}}, "prediction", "unsupported_parameter"),
        ({"audio": {"voice": "alloy"}}, "audio", "unsupported_parameter"),
        ({"moderation": {}}, "moderation", "unsupported_parameter"),
        ({"modalities": ["text", "audio"]}, "modalities", "unsupported_parameter"),
        ({"modalities": "text"}, "modalities", "invalid_type"),
        ({"store": 1}, "store", "invalid_type"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
        ({"stream": True, "stream_options": {"usage": True}}, "stream_options.usage", "unknown_parameter"),
        ({"temperature": 2.5}, "temperature", "invalid_value"),
        ({"temperature": "1"}, "temperature", "invalid_type"),
        ({"top_p": -0.1}, "top_p", "invalid_value"),
        ({"presence_penalty": 3}, "presence_penalty", "invalid_value"),
        ({"frequency_penalty": -3}, "frequency_penalty", "invalid_value"),
        ({"seed": 2**63}, "seed", "invalid_value"),
        ({"seed": 1.5}, "seed", "invalid_type"),
        ({"stop": ["a"] * 5}, "stop", "invalid_value"),
        ({"stop": [""]}, "stop", "invalid_value"),
        ({"stop": ["a", 5]}, "stop[1]", "invalid_type"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "invalid_value"),
        ({"top_logprobs": 1}, "top_logprobs", "invalid_value"),
        ({"logit_bias": {"5": 101}}, "logit_bias", "invalid_value"),
        ({"logit_bias": {"5": "1"}}, "logit_bias[...]", "invalid_type"),
        ({"reasoning_effort": "most"}, "reasoning_effort", "invalid_value"),
        ({"verbosity": "loud"}, "verbosity", "invalid_value"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "missing_required_parameter"),
        ({"service_tier": 5}, "service_tier", "invalid_type"),
        ({"metadata": {"a": 1}}, "metadata[...]", "invalid_type"),
        ({"metadata": {str(index): "" for index in range(17)}}, "metadata", "invalid_value"),
        ({"metadata": {"x" * 65: ""}}, "metadata", "invalid_value"),
        ({"metadata": {"x": "y" * 513}}, "metadata", "invalid_value"),
    ],
)
def test_the_invalid_parameter_is_named(members: dict[str, Any], param: str, code: str) -> None:
    assert refused(**members) == (param, code)


scalars = st.one_of(st.none(), st.booleans(), st.integers(-2, 3), st.floats(allow_nan=False), st.text(max_size=3))


names = st.sampled_from(
    [
        *("role", "content", "type", "text", "image_url", "url", "file", "file_data", "name", "tool_calls", "id"),
        *("function", "arguments", "custom", "extra_content", "google", "refusal", "function_call", "tool_call_id"),
    ]
)


words = st.sampled_from(["user", "assistant", "tool", "function", "system", "text", "image_url", "file", "custom", "a"])


anything = st.recursive(
    scalars | words,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=10,
)


message_like = st.fixed_dictionaries({"role": words, "content": anything}, optional={"tool_calls": anything})


@settings(max_examples=150, deadline=None)
@given(
    st.lists(message_like | anything, max_size=3),
    st.dictionaries(st.sampled_from(sorted(KNOWN - {"model", "messages"})), anything, max_size=2),
)
def test_any_input_is_read_or_is_an_error(messages: list[Any], members: dict[str, Any]) -> None:
    with contextlib.suppress(RequestError):
        make_request(messages=messages, **members)
