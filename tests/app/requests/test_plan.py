"""A parsed request against what the process offers: refused before money moves, or bounded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.accounts.auth import Key
from app.requests.attempts import Offer
from app.requests.plan import Offering, Plan, make_plan
from app.settings import parse as parse_settings
from app.wire.dialects import parse
from app.wire.exchange import Endpoint, RequestError
from domain.demand import TOOL_CALLS_DEFAULT, TOOL_CALLS_MAX
from domain.errors import KeyIsExpired, ModelNotAllowed, ModelNotFound
from domain.events import KeyLimits
from domain.pricing import hold_ceiling
from tests.support.gateway.gateway import MODEL, chat, configuration, responses

CATALOG = parse_settings(configuration(Path("/nowhere"))).catalog()
OFFERS = {"simulator": Offer("simulator", 2**20, fetches_urls=True)}
VERSIONS = {model.id: 7 for model in CATALOG.models()}


def planned(
    endpoint: Endpoint,
    body: dict[str, Any],
    *,
    limits: KeyLimits | None = None,
    default: int = 4096,
    now_micros: int = 0,
) -> Plan:
    return make_plan(
        parse(endpoint, json.dumps(body).encode()),
        key=Key("acct", "key", "digest", limits or KeyLimits()),
        offering=Offering(CATALOG, VERSIONS, OFFERS, default),
        stored={},
        request_id="req_1",
        now_micros=now_micros,
    )


def sent(plan: Plan) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(plan.take_attempts().first.body)
    return body


@pytest.mark.parametrize(
    ("endpoint", "body", "limit"),
    [("responses", responses(), "max_output_tokens"), ("chat", chat(), "max_completion_tokens")],
)
def test_the_default_limit_is_held_for_and_written_upstream(
    endpoint: Endpoint, body: dict[str, Any], limit: str
) -> None:
    plan = planned(endpoint, body, default=77)
    assert sent(plan)[limit] == 77
    assert plan.quote.bounds.output_tokens == 77


@pytest.mark.parametrize(
    ("endpoint", "body", "limit"),
    [
        ("responses", responses(max_output_tokens=9), "max_output_tokens"),
        ("chat", chat(max_completion_tokens=9), "max_completion_tokens"),
        ("chat", chat(max_tokens=9), "max_tokens"),
    ],
)
def test_the_clients_own_limit_is_sent_as_it_was_written(endpoint: Endpoint, body: dict[str, Any], limit: str) -> None:
    plan = planned(endpoint, body)
    assert {name: value for name, value in sent(plan).items() if name.startswith("max_")} == {limit: 9}
    assert plan.quote.bounds.output_tokens == 9


def test_a_default_above_the_models_own_limit_is_reduced_to_it() -> None:
    assert planned("responses", responses(), default=10**6).quote.bounds.output_tokens == 128_000


@pytest.mark.parametrize(
    ("endpoint", "members", "param", "most"),
    [
        ("responses", {"max_output_tokens": 128_001}, "max_output_tokens", 128_000),
        ("responses", {"max_output_tokens": 10**12}, "max_output_tokens", 128_000),
        ("chat", {"max_tokens": 128_001}, "max_tokens", 128_000),
        ("chat", {"max_completion_tokens": 10**12}, "max_completion_tokens", 128_000),
        ("chat", {"max_completion_tokens": 128_001, "max_tokens": 128_001}, "max_tokens", 128_000),
        ("chat", {"n": 129}, "n", 128),
        ("responses", {"max_tool_calls": 101}, "max_tool_calls", TOOL_CALLS_MAX),
        ("responses", {"max_tool_calls": 10**12, "tools": [{"type": "web_search"}]}, "max_tool_calls", TOOL_CALLS_MAX),
    ],
)
def test_a_limit_above_the_most_that_can_be_held_for_is_refused_with_that_limit(
    endpoint: Endpoint, members: dict[str, Any], param: str, most: int
) -> None:
    with pytest.raises(RequestError) as refused:
        planned(endpoint, (responses() if endpoint == "responses" else chat()) | members)
    error = refused.value
    assert (error.status, error.code, error.param) == (400, "integer_above_max_value", param)
    assert f"Expected a value <= {most}, but got {members[param]} instead." in error.message


def test_a_limit_equal_to_the_models_is_held_for_and_sent() -> None:
    plan = planned("responses", responses(max_output_tokens=128_000))
    assert plan.quote.bounds.output_tokens == sent(plan)["max_output_tokens"] == 128_000


def test_a_budget_above_the_output_limit_is_refused() -> None:
    assert sent(planned("chat", chat(max_tokens=50, thinking_budget=50)))["thinking_budget"] == 50
    for members in ({"thinking_budget": 51}, {"reasoning": {"max_tokens": 51}}):
        with pytest.raises(RequestError) as refused:
            planned("chat", chat(max_tokens=50, **members))
        assert refused.value.code == "integer_above_max_value"


def test_a_conversation_that_may_be_compacted_is_held_for_twice() -> None:
    plan = planned("responses", responses(context_management=[{"type": "compaction"}]))
    assert plan.quote.bounds.input_tokens == 800_000


@pytest.mark.parametrize(("members", "unknown"), [({}, False), ({"top_k": 5}, False), ({"new": 5}, True)])
def test_a_plan_says_whether_members_pass_that_are_unknown(members: dict[str, Any], unknown: bool) -> None:
    assert planned("chat", chat(**members)).unknown_members is unknown


def test_a_plan_names_who_pays_and_by_which_prices_and_keeps_nothing_of_the_body() -> None:
    plan = planned("chat", chat(stream=True))
    assert (plan.endpoint, plan.stream, plan.payer.key_id) == ("chat", True, "key")
    assert (plan.quote.model.id, plan.quote.price_version) == (MODEL, 7)
    plan.take_attempts()
    assert plan.attempts is None


def test_choices_multiply_the_hold() -> None:
    prices = CATALOG.model(MODEL).prices
    one, three = planned("chat", chat(max_tokens=100)), planned("chat", chat(max_tokens=100, n=3))
    more = hold_ceiling(prices, three.quote.bounds) - hold_ceiling(prices, one.quote.bounds)
    assert more >= 2 * 100 * 2000


def test_tools_that_cost_per_call_are_bounded_upstream_too() -> None:
    plan = planned("responses", responses(tools=[{"type": "web_search"}]))
    assert sent(plan)["max_tool_calls"] == plan.quote.bounds.tool_calls == TOOL_CALLS_DEFAULT
    assert plan.quote.bounds.input_tokens == 400_000  # what a search brings is unknown beforehand
    plan = planned("responses", responses(tools=[{"type": "web_search"}], max_tool_calls=2))
    assert sent(plan)["max_tool_calls"] == plan.quote.bounds.tool_calls == 2
    assert "max_tool_calls" not in sent(planned("responses", responses()))


def test_each_choice_of_chat_may_search() -> None:
    body = chat(n=20, web_search_options={})
    assert planned("chat", body).quote.bounds.tool_calls == 20
    assert planned("chat", body | {"n": 2}).quote.bounds.tool_calls == TOOL_CALLS_DEFAULT


def test_more_tool_calls_than_can_be_held_for_are_refused() -> None:
    with pytest.raises(RequestError) as refused:
        planned("responses", responses(tools=[{"type": "web_search"}], max_tool_calls=TOOL_CALLS_MAX + 1))
    assert refused.value.param == "max_tool_calls"


def test_what_the_key_may_not_do_is_refused_without_the_ledger() -> None:
    with pytest.raises(ModelNotFound):
        planned("responses", responses() | {"model": "none"})
    with pytest.raises(ModelNotAllowed):
        planned("responses", responses(), limits=KeyLimits(models=("gpt-5.5",)))
    with pytest.raises(KeyIsExpired):
        planned("responses", responses(), limits=KeyLimits(expires_at_micros=5), now_micros=5)


def test_each_attempt_has_a_relay_of_its_own() -> None:
    bodies: tuple[tuple[Endpoint, dict[str, Any]], ...] = (("responses", responses()), ("chat", chat()))
    for endpoint, body in bodies:
        for stream in (False, True):
            attempt = planned(endpoint, body | {"stream": stream}).take_attempts().first
            assert attempt.relay() is not attempt.relay()


def test_a_tool_that_is_not_offered_is_refused_by_name() -> None:
    with pytest.raises(RequestError) as refused:
        planned("responses", responses(tools=[{"type": "function", "name": "f", "parameters": {}}, {"type": "mcp"}]))
    assert (refused.value.code, refused.value.param) == ("unsupported_tool", "tools[1].type")
    assert "mcp" in refused.value.message


def test_a_tool_is_judged_by_its_type_before_anything_that_it_names() -> None:
    search = {"type": "file_search", "vector_store_ids": ["vs_1"]}
    code = {"type": "code_interpreter", "container": "cntr_1"}
    for tool in (search, code):
        with pytest.raises(RequestError) as refused:
            planned("responses", responses(tools=[tool]))
        assert (refused.value.code, refused.value.param) == ("unsupported_tool", "tools[0].type")


def test_a_tool_that_is_offered_may_name_nothing_of_a_vendors_storage() -> None:
    image = {"type": "image_generation", "input_image_mask": {"file_id": "file-1"}}
    with pytest.raises(RequestError) as refused:
        planned("responses", responses(tools=[image]))
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "tools[0].input_image_mask.file_id")
