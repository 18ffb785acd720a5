"""The Response object: echoed request members and service tiers."""

from __future__ import annotations

import pytest

from tests.support.wire import responses_grammar as grammar
from tests.support.wire.responses.answer_events import ANSWERS
from tests.support.wire.responses.written_responses import Json, check, plain, streamed

REQUEST: Json = {
    "model": "gpt-5.4-mini",
    "input": "Hi",
    "store": True,
    "instructions": "Be brief.",
    "max_output_tokens": 100,
    "max_tool_calls": 3,
    "metadata": {"order": "7"},
    "parallel_tool_calls": False,
    "prompt_cache_key": "k",
    "safety_identifier": "s",
    "temperature": 0.5,
    "top_p": None,
    "top_logprobs": 2,
    "tool_choice": {"type": "function", "name": "f"},
    "user": "u",
}


def test_the_request_is_echoed() -> None:
    tools = [{"type": "function", "name": "f", "strict": True}, {"type": "web_search"}]
    schema = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}
    request = {**REQUEST, "tools": tools, "text": {"format": schema, "verbosity": "low"}, "service_tier": "default"}
    request["reasoning"] = {"effort": "high", "generate_summary": "auto"}
    actual = check(ANSWERS["nothing"], request)
    echoed = set(REQUEST) - {"store", "input", "top_p"}
    assert {name: actual[name] for name in echoed} == {name: REQUEST[name] for name in echoed}
    assert (actual["store"], actual["top_p"]) == (False, 1.0)
    assert actual["text"] == request["text"]
    assert actual["reasoning"] == {"effort": "high", "summary": "auto"}
    function = {"type": "function", "name": "f", "description": None, "parameters": None, "strict": True}
    assert actual["tools"] == [function, {"type": "web_search"}]


def test_members_of_the_wrong_form_are_not_echoed() -> None:
    actual = plain(ANSWERS["nothing"], {"text": 1, "reasoning": [], "tools": {"a": 1}, "include": "x"})
    assert actual["text"] == {"format": {"type": "text"}}
    assert (actual["reasoning"], actual["tools"]) == ({"effort": None, "summary": None}, [])
    assert plain(ANSWERS["nothing"], {"tools": ["x"], "text": {"format": None}})["text"] == actual["text"]


@pytest.mark.parametrize(
    ("name", "requested", "begun", "ended"),
    [
        ("nothing", None, "auto", "default"),
        ("nothing", "default", "default", "default"),
        ("text", None, "default", "default"),
        ("cut text", None, "auto", "priority"),
        ("filtered text", None, "auto", "default"),
    ],
)
def test_the_tier(name: str, requested: str | None, begun: str, ended: str) -> None:
    found = grammar.events(streamed(ANSWERS[name], {"service_tier": requested}))
    assert (found[0]["response"]["service_tier"], found[-1]["response"]["service_tier"]) == (begun, ended)
