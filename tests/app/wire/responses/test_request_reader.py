"""Responses requests read into the canonical form: every member, and every error with its parameter."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from app.wire.canonical import CanonicalRequest, Hints, Message, Target, Text, TextFormat
from app.wire.exchange import RequestError
from app.wire.responses.request_reader import read_responses_request
from app.wire.responses.request_writer import write_responses_request
from tests.support.wire.responses.mutations import mutated
from tests.support.wire.responses.responses_requests import (
    FUNCTION,
    LACKING,
    MISSING,
    SCHEMA,
    STORED,
    UNKNOWN,
    VALUE,
    WRONG,
    fields_of,
    read,
    refused,
    user,
)


def test_a_minimal_request() -> None:
    request = read()
    assert request == CanonicalRequest("responses", "m", (Message("user", (Text("Hi", "input"),), at="input"),))
    assert read(**dict.fromkeys(("tools", "text", "reasoning", "metadata", "include", "stream_options"))) == request


def test_every_member() -> None:
    request = read(
        stream=True,
        stream_options={"include_obfuscation": False},
        store=True,
        background=False,
        truncation="disabled",
        previous_response_id=None,
        client_metadata={"session": "x"},
        instructions="Be brief.",
        max_output_tokens=100,
        max_tool_calls=3,
        parallel_tool_calls=False,
        temperature=0.5,
        top_p=1,
        top_logprobs=2,
        include=["reasoning.encrypted_content", "web_search_call.action.sources", "message.output_text.logprobs"],
        reasoning={"effort": "high", "summary": "auto"},
        text={"format": {"type": "json_object"}, "verbosity": "low"},
        service_tier="auto",
        metadata={"order": "7"},
        user="u",
        safety_identifier="s",
        prompt_cache_key="k",
        prompt_cache_retention="24h",
    )
    assert request == CanonicalRequest(
        endpoint="responses",
        model="m",
        items=(Message("user", (Text("Hi", "input"),), at="input"),),
        stream=True,
        instructions="Be brief.",
        parallel_tool_calls=False,
        max_output_tokens=100,
        max_tool_calls=3,
        temperature=0.5,
        top_p=1.0,
        logprobs=2,
        effort="high",
        summary="auto",
        format=TextFormat("json_object"),
        verbosity="low",
        service_tier="auto",
        hints=Hints({"order": "7"}, "u", "s", "k", "24h"),
    )


def test_formats() -> None:
    assert read(text={}).format is None
    assert read(text={"format": {"type": "text"}}).format == TextFormat("text")
    actual = {"type": "json_schema", "name": "n", "description": "d", "schema": SCHEMA, "strict": True}
    assert read(text={"format": actual}).format == TextFormat("json_schema", "n", "d", SCHEMA, True)
    assert read(reasoning={"generate_summary": "concise"}).summary == "concise"
    assert read(include=["message.output_text.logprobs"]).logprobs == 0
    assert read(top_logprobs=0).logprobs is None


CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"input": None}, "input", MISSING),
        ({"input": 1}, "input", WRONG),
        ({"input": {}}, "input", WRONG),
        ({"input": []}, "input", "empty_array"),
        ({"input": [], "instructions": ""}, "input", "empty_array"),
        ({"model": ""}, "model", MISSING),
        ({"seed": 1}, "seed", UNKNOWN),
        ({"x" * 200: 1}, "x" * 100, UNKNOWN),
        ({"previous_response_id": "resp_1"}, "previous_response_id", LACKING),
        ({"conversation": "c"}, "conversation", LACKING),
        ({"prompt": {"id": "p"}}, "prompt", LACKING),
        ({"background": True}, "background", LACKING),
        ({"context_management": []}, "context_management", LACKING),
        ({"truncation": "auto"}, "truncation", LACKING),
        ({"store": "yes"}, "store", WRONG),
        ({"stream_options": {}}, "stream_options", VALUE),
        ({"stream": True, "stream_options": {"include_usage": True}}, "stream_options.include_usage", UNKNOWN),
        ({"temperature": 2.1}, "temperature", VALUE),
        ({"temperature": "1"}, "temperature", WRONG),
        ({"top_p": -0.1}, "top_p", VALUE),
        ({"top_logprobs": 21}, "top_logprobs", VALUE),
        ({"include": ["reasoning.text"]}, "include[0]", LACKING),
        ({"include": [1]}, "include[0]", WRONG),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort", VALUE),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode", VALUE),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type", VALUE),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema", MISSING),
        ({"metadata": {"a": 1}}, "metadata[...]", WRONG),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata", VALUE),
        ({"metadata": {"a": "b" * 513}}, "metadata", VALUE),
    ],
)
def test_errors_name_the_path(members: Any, param: str, code: str) -> None:
    assert refused(**members) == (param, code)


EVERYTHING: Any = {
    "model": "m",
    "instructions": "I",
    "include": ["message.output_text.logprobs"],
    "metadata": {"a": "b"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}, "verbosity": "low"},
    "tools": [FUNCTION, {"type": "custom", "name": "c", "format": {"type": "text"}}, {"type": "image_generation"}],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    "temperature": 1,
    "stream": True,
    "stream_options": {"include_obfuscation": False},
    "input": [
        user({"type": "input_text", "text": "x"}, {"type": "input_file", "file_id": "file-1"}),
        {"role": "assistant", "content": [{"type": "output_text", "text": "x"}, {"type": "refusal", "refusal": "y"}]},
        CALL,
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": "https://a"}]},
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "x"}]},
        {"type": "web_search_call", "id": "w", "action": {"type": "search", "queries": ["q"]}},
        {"type": "image_generation_call", "id": "i", "result": "QQ=="},
    ],
}


@given(mutated(EVERYTHING))
def test_any_value_anywhere_is_read_or_rejected_by_name(request: Any) -> None:
    refusal = None
    try:
        write_responses_request(read_responses_request(fields_of(request), STORED), Target("up", "m", 1))
    except RequestError as error:
        refusal = error
    assert refusal is None or (refusal.param and refusal.status == 400)


def test_members_of_items_that_the_answer_will_not_have_may_be_included() -> None:
    names = [
        "file_search_call.results",
        "web_search_call.results",
        "code_interpreter_call.outputs",
        "computer_call_output.output.image_url",
        "message.input_image.image_url",
    ]
    assert read(include=names) == read()
