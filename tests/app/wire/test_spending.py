"""The table of members that pass, and the checks that keep a request's cost within what is held for it."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from app.wire.chat import request_reader as chat_reader
from app.wire.dialects import parse
from app.wire.exchange import Endpoint, RequestError
from app.wire.request import FOREIGN
from app.wire.responses import request_reader as responses_reader
from app.wire.spending import BUDGETS, LIMITS, MEMBERS, check_budgets, check_limits, check_members, unknown_members
from app.wire.splice import members
from app.wire.tool_options import UNPRICED_IMAGE_OPTIONS
from tests.support.wire.client_requests import VALID

ENDPOINTS: tuple[Endpoint, ...] = get_args(Endpoint)
MINIMAL: dict[Endpoint, dict[str, Any]] = {
    "responses": {"model": "m", "input": "hi"},
    "chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
}


def refusal(endpoint: Endpoint, body: dict[str, Any]) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse(endpoint, json.dumps(MINIMAL[endpoint] | body).encode())
    assert caught.value.status == 400
    return caught.value


def fields_of(body: dict[str, Any]) -> dict[str, Any]:
    return members.decode(json.dumps(body))


@pytest.mark.parametrize(("endpoint", "reader"), [("responses", responses_reader), ("chat", chat_reader)])
def test_every_member_that_a_translation_knows_is_in_the_table(endpoint: Endpoint, reader: Any) -> None:
    assert {*reader.KNOWN, *reader.UNSUPPORTED, *VALID[endpoint]} <= set(MEMBERS[endpoint])


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_bounded_member_says_by_what_and_a_refused_one_says_why(endpoint: Endpoint) -> None:
    for name, member in MEMBERS[endpoint].items():
        assert bool(member.why) == (member.handling != "harmless"), name
    assert {name for name, member in MEMBERS[endpoint].items() if member.handling == "refused"} >= set(FOREIGN)
    assert all(MEMBERS[endpoint][name].handling == "bounded" for name in (*LIMITS[endpoint], *BUDGETS))


def test_the_options_of_images_that_are_refused_are_in_the_table() -> None:
    refused = {name for name, member in MEMBERS["responses"].items() if member.handling == "refused"}
    assert refused >= {f"tools[].{name}" for name in UNPRICED_IMAGE_OPTIONS}


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        (endpoint, name)
        for endpoint in ENDPOINTS
        for name, member in MEMBERS[endpoint].items()
        if member.handling == "refused" and "." not in name
    ],
)
def test_a_refused_member_is_named_and_null_is_the_same_as_absent(endpoint: Endpoint, name: str) -> None:
    error = refusal(endpoint, {name: {"a": 1}})
    assert (error.param, error.code) == (name, "unsupported_parameter")
    parse(endpoint, json.dumps(MINIMAL[endpoint] | {name: None}).encode())


@pytest.mark.parametrize(
    ("endpoint", "body", "param"),
    [
        ("responses", {"max_tokens": 10**6}, "max_tokens"),
        ("responses", {"max_completion_tokens": 10**6}, "max_completion_tokens"),
        ("responses", {"n": 100}, "n"),
        ("responses", {"web_search_options": {}}, "web_search_options"),
        ("chat", {"max_output_tokens": 10**6}, "max_output_tokens"),
        ("chat", {"maxTokens": 10**6}, "maxTokens"),
        ("chat", {"MAX-COMPLETION-TOKENS": 10**6}, "MAX-COMPLETION-TOKENS"),
        ("chat", {"generationConfig": {"maxOutputTokens": 10**6}}, "generationConfig.maxOutputTokens"),
        ("chat", {"sampling_params": {"max_new_tokens": 10**6}}, "sampling_params.max_new_tokens"),
        ("chat", {"x": [5, [{"y": {"n": 9}}]]}, "x[1][0].y.n"),
        ("chat", {"options": {"num_predict": -1}}, "options.num_predict"),
        ("responses", {"extra": {"service_tier": "priority"}}, "extra.service_tier"),
        ("responses", {"x" * 300: {"n": 2}}, "x" * 98 + ".n"),
        ("chat", {"speed": "fast"}, "speed"),
        ("chat", {"priority": -1}, "priority"),
        ("responses", {"inference_geo": "us"}, "inference_geo"),
        ("responses", {"Ignore_EOS": True}, "ignore_eos"),
        ("chat", {"Thinking_Budget": 5}, "thinking_budget"),
        ("chat", {"thinkingBudgetTokens": 5}, "thinkingBudgetTokens"),
        ("chat", {"reasoning": {"maxTokens": 5}}, "reasoning.maxTokens"),
        ("responses", {"reasoning": {"effort": "high", "Max_Tokens": 5}}, "reasoning.Max_Tokens"),
        ("chat", {"thinking": {"type": "enabled", "budgetTokens": 5}}, "thinking.budgetTokens"),
        (
            "chat",
            {"chat_template_kwargs": {"a": [{"max_thinking_tokens": 5}]}},
            "chat_template_kwargs.a[0].max_thinking_tokens",
        ),
    ],
)
def test_another_spelling_of_a_limit_is_refused_also_inside_an_unknown_member(
    endpoint: Endpoint, body: dict[str, Any], param: str
) -> None:
    assert refusal(endpoint, body).param == param


def test_a_budget_that_occurs_twice_is_refused() -> None:
    """Parsers differ in which of two members counts."""
    twice = b'{"model": "m", "input": "hi", "thinking": {"budget_tokens": 90000, "budget_tokens": 1}}'
    with pytest.raises(RequestError) as caught:
        parse("responses", twice)
    assert caught.value.param == "thinking.budget_tokens"
    check_members(fields_of({"thinking": {"budget_tokens": 5, "type": "enabled"}, "reasoning": "high"}), "chat")


def test_unknown_members_are_listed_and_pass() -> None:
    body = {"model": "m", "top_k": 1, "new": {"a": [1, {"n": None}], "b": "n"}, "other": [], "nothing": None}
    fields = fields_of(body)
    for endpoint in ENDPOINTS:
        check_members(fields, endpoint)
        assert unknown_members(fields, endpoint) == ("new", "other")


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"thinking_budget": 101}, "thinking_budget", "integer_above_max_value"),
        ({"thinking_budget": -1}, "thinking_budget", "integer_below_min_value"),
        ({"thinking_budget": "9"}, "thinking_budget", "invalid_type"),
        ({"min_tokens": 101}, "min_tokens", "integer_above_max_value"),
        ({"thinking": {"type": "enabled", "budget_tokens": 101}}, "thinking.budget_tokens", "integer_above_max_value"),
        ({"reasoning": {"max_tokens": 10**9}}, "reasoning.max_tokens", "integer_above_max_value"),
        (
            {"chat_template_kwargs": {"thinking_budget": 101}},
            "chat_template_kwargs.thinking_budget",
            "integer_above_max_value",
        ),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode", "unsupported_parameter"),
    ],
)
def test_a_budget_is_at_most_the_output_limit(body: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_budgets(fields_of(body), "responses", 100)
    assert (caught.value.param, caught.value.code) == (param, code)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"thinking_budget": 100, "min_tokens": 0, "thinking": {"type": "enabled", "budget_tokens": 100}},
        {"thinking": True, "reasoning": {"effort": "low", "max_tokens": None}, "chat_template_kwargs": None},
        {"reasoning": {"mode": "standard"}},
        {"reasoning": "auto"},
    ],
)
def test_a_budget_within_it_passes(body: dict[str, Any]) -> None:
    for endpoint in ENDPOINTS:
        check_budgets(fields_of(body), endpoint, 100)
    check_budgets(fields_of({"reasoning": {"mode": "pro"}}), "chat", 100)


def test_limits_are_compared_with_those_of_the_model() -> None:
    for endpoint, name, most in (
        ("responses", "max_output_tokens", 5),
        ("responses", "max_tool_calls", 6),
        ("chat", "max_tokens", 5),
        ("chat", "max_completion_tokens", 5),
    ):
        for value in (most, most + 1):
            request = parse(endpoint, json.dumps(MINIMAL[endpoint] | {name: value}).encode())  # type: ignore[arg-type,index]
            if value == most:
                check_limits(request, output_tokens_max=5, tool_calls_max=6)
                continue
            with pytest.raises(RequestError) as caught:
                check_limits(request, output_tokens_max=5, tool_calls_max=6)
            assert (caught.value.param, caught.value.code) == (name, "integer_above_max_value")
            assert f"<= {most}," in caught.value.message
