"""The cost of usage, and the most that a request can cost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidValue
from domain.money import PICOS_PER_NANO
from domain.pricing import (
    IMAGE_PRICES_MAX,
    LIST_ITSELF,
    SERVICE_TIERS_MAX,
    TIERS_MAX,
    TOKEN_KINDS,
    Bounds,
    hold_ceiling,
    parse_prices,
    price_table,
    price_usage,
    tier_is_priced,
    tiers_on_offer,
)
from domain.usage import CallCount, ImageCount, Usage
from tests.support.domain.strategies import bounds, price_lists, price_tables, sum_of_lines_picos, uses

SIMPLE = {"input": "0.25", "output": "2.00"}


@settings(max_examples=400)
@given(price_lists, bounds, st.data())
def test_no_use_within_the_bounds_costs_more_than_the_hold(prices: Any, within: Bounds, data: st.DataObject) -> None:
    usage = data.draw(uses(within))
    assert usage.input_tokens <= within.input_tokens
    assert usage.output_tokens <= within.choices * within.output_tokens
    made = sum(image.count for image in usage.images) + sum(call.count for call in usage.calls)
    assert usage.web_search_calls + made <= within.tool_calls
    assert {call.tool for call in usage.calls} <= set(within.calls)
    assert price_usage(prices, usage).amount_nanos <= hold_ceiling(prices, within)


@given(price_lists, bounds)
def test_the_hold_is_reached_where_one_kind_is_used_to_the_bound(prices: Any, within: Bounds) -> None:
    """A ceiling that is far above what can happen would refuse accounts that can pay."""
    assume(len(prices.tiers) == 1)
    tier = prices.tiers[0]
    dear_input = max(("input", "cached_input", "cache_write", "cache_write_1h", "image_input"), key=tier.by_kind.get)
    dear_output = max(prices.output_kinds, key=tier.by_kind.get)
    within = msgspec.structs.replace(within, tool_calls=0, service_tier="default")
    used = {dear_input: within.input_tokens, dear_output: within.choices * within.output_tokens}
    usage = msgspec.structs.replace(Usage(), **used)
    assert price_usage(prices, usage).amount_nanos == hold_ceiling(prices, within)


@given(price_lists, uses())
def test_the_lines_and_their_rounding_sum_to_the_charge_exactly(prices: Any, usage: Usage) -> None:
    cost = price_usage(prices, usage)
    assert sum_of_lines_picos(cost) == cost.amount_nanos * PICOS_PER_NANO
    for line in cost.lines:
        assert line.amount_picos == line.quantity * line.unit_picos
    rounding = [line for line in cost.lines if line.kind == "rounding"]
    assert len(rounding) <= 1
    assert all(0 < line.amount_picos < PICOS_PER_NANO for line in rounding)


@given(price_tables)
def test_a_table_written_out_is_canonical_and_stable(table: dict[str, Any]) -> None:
    prices = parse_prices(table)
    written = price_table(prices)
    assert parse_prices(written) == prices
    assert price_table(parse_prices(written)) == written
    over_the_wire = msgspec.json.decode(msgspec.json.encode(written))
    assert price_table(parse_prices(over_the_wire)) == written
    assert list(over_the_wire) == list(written)


@given(price_tables)
def test_the_order_of_entries_makes_no_other_table(table: dict[str, Any]) -> None:
    turned = dict(reversed(table.items()))
    if "above" in turned:
        turned["above"] = list(reversed(turned["above"]))
    for name in ("image", "calls"):
        if isinstance(turned.get(name), dict):
            turned[name] = dict(reversed(turned[name].items()))
    if "tier" in turned:
        turned["tier"] = list(reversed(turned["tier"]))
    ours, theirs = price_table(parse_prices(table)), price_table(parse_prices(turned))
    assert msgspec.json.encode(ours) == msgspec.json.encode(theirs)


def test_the_public_example_costs_what_it_says() -> None:
    cost = price_usage(parse_prices(SIMPLE), Usage(input=12, output=48))
    assert cost.amount_nanos == 99_000
    assert [(line.kind, line.quantity, line.unit_picos) for line in cost.lines] == [
        ("input", 12, 250_000),
        ("output", 48, 2_000_000),
    ]


def test_a_fraction_of_a_nano_is_rounded_up_once_and_shown() -> None:
    prices = parse_prices({"input": "0.000001", "cached_input": "0.000001", "output": "1"})
    cost = price_usage(prices, Usage(input=1, cached_input=1))
    assert cost.amount_nanos == 1
    assert [(line.kind, line.amount_picos) for line in cost.lines] == [
        ("input", 1),
        ("cached_input", 1),
        ("rounding", 998),
    ]


def test_nothing_used_costs_nothing() -> None:
    assert price_usage(parse_prices(SIMPLE), Usage()).lines == ()
    assert hold_ceiling(parse_prices(SIMPLE), Bounds(0, 0)) == 0


def test_reasoning_is_part_of_output_and_priced_once() -> None:
    prices = parse_prices(SIMPLE)
    assert price_usage(prices, Usage(output=10, reasoning=10)) == price_usage(prices, Usage(output=10))


def test_a_kind_without_a_price_falls_back_to_its_own_family() -> None:
    by_kind = parse_prices({**SIMPLE, "cache_write": "0.5"}).tiers[0].by_kind
    assert by_kind["cached_input"] == by_kind["image_input"] == by_kind["input"] == 250_000
    assert by_kind["cache_write_1h"] == by_kind["cache_write"] == 500_000
    assert by_kind["image_output"] == by_kind["output"] == 2_000_000
    assert tuple(by_kind) == TOKEN_KINDS


def test_a_tier_is_for_the_whole_request_and_inherits_what_it_does_not_name() -> None:
    prices = parse_prices({**SIMPLE, "cached_input": "0.1", "above": [{"input_tokens": 100, "input": "0.50"}]})
    assert price_usage(prices, Usage(input=100)).amount_nanos == 25_000
    assert price_usage(prices, Usage(input=101)).amount_nanos == 50_500
    assert price_usage(prices, Usage(input=60, cached_input=60)).amount_nanos == 36_000
    assert price_usage(prices, Usage(input=101, output=1)).amount_nanos == 52_500


def test_a_hold_covers_a_lower_tier_that_is_dearer() -> None:
    prices = parse_prices({"input": "9", "output": "9", "above": [{"input_tokens": 10, "input": "1", "output": "1"}]})
    assert hold_ceiling(prices, Bounds(20, 0)) == 180_000


def test_an_image_is_priced_by_its_entry_then_flat_then_by_the_dearest() -> None:
    flat = parse_prices({**SIMPLE, "image": "0.04"})
    assert flat.image_unit_picos("high", "auto") == 40_000_000_000
    table = parse_prices({**SIMPLE, "image": {"low/auto": "0.01", "high/auto": "0.2"}})
    assert table.image_unit_picos("low", "auto") == 10_000_000_000
    assert table.image_unit_picos("medium", "auto") == 200_000_000_000
    mixed = parse_prices({**SIMPLE, "image": {"low/auto": "0.01", "*": "0.04"}})
    assert mixed.image_unit_picos("medium", "auto") == 40_000_000_000
    assert parse_prices(SIMPLE).image_unit_picos("low", "auto") == 0


def test_tokens_of_images_are_held_for_only_where_they_are_charged() -> None:
    by_token = parse_prices({**SIMPLE, "image_output": "40"})
    by_image = parse_prices({**SIMPLE, "image_output": "40", "image": "0.04"})
    assert hold_ceiling(by_token, Bounds(0, 100)) == 4_000_000
    assert hold_ceiling(by_image, Bounds(0, 100)) == 200_000
    assert price_usage(by_image, Usage(image_output=100)).lines == ()


def test_tools_are_held_for_at_the_dearest_that_may_be_called() -> None:
    prices = parse_prices({**SIMPLE, "web_search_call": "0.01", "image": "0.04"})
    assert hold_ceiling(prices, Bounds(0, 0, tool_calls=3, web_search=True)) == 30_000_000
    assert hold_ceiling(prices, Bounds(0, 0, tool_calls=3, web_search=True, images=True)) == 120_000_000
    assert hold_ceiling(prices, Bounds(0, 0, tool_calls=3)) == 0
    assert hold_ceiling(parse_prices(SIMPLE), Bounds(0, 0, tool_calls=3, web_search=True, images=True)) == 0
    cost = price_usage(prices, Usage(web_search_calls=2, images=(ImageCount("high", "auto", 1),)))
    assert [(line.kind, line.amount_picos) for line in cost.lines] == [
        ("web_search_call", 20_000_000_000),
        ("image:high/auto", 40_000_000_000),
    ]


def test_a_call_is_charged_where_its_tool_has_a_price() -> None:
    prices = parse_prices({**SIMPLE, "calls": {"mcp": "0.002", "code_interpreter": "0.03", "custom": "0"}})
    usage = Usage(calls=(CallCount("code_interpreter", 2), CallCount("computer_use", 5), CallCount("custom", 3)))
    cost = price_usage(prices, usage)
    assert [(line.kind, line.quantity, line.amount_picos) for line in cost.lines] == [
        ("call:code_interpreter", 2, 60_000_000_000),
        ("call:custom", 3, 0),
    ]
    assert hold_ceiling(prices, Bounds(0, 0, tool_calls=3, calls=("mcp",))) == 6_000_000
    assert hold_ceiling(prices, Bounds(0, 0, tool_calls=3, calls=("code_interpreter", "mcp"))) == 90_000_000
    assert hold_ceiling(prices, Bounds(0, 0, tool_calls=3, calls=("computer_use",))) == 0


def test_a_low_limit_of_calls_does_not_lower_the_hold_for_tools_that_it_does_not_limit() -> None:
    prices = parse_prices(SIMPLE | {"calls": {"custom": "0.001", "mcp": "0.02"}})
    assert hold_ceiling(prices, Bounds(0, 0, tool_calls=1, calls=("custom",))) == 8_000_000
    assert hold_ceiling(prices, Bounds(0, 0, tool_calls=9, calls=("custom",))) == 9_000_000
    assert hold_ceiling(prices, Bounds(0, 0, tool_calls=1, calls=("custom", "mcp"))) == 28_000_000
    assert hold_ceiling(prices, Bounds(0, 0, calls=("custom",))) == 0


TIERED = {
    **SIMPLE,
    "above": [{"input_tokens": 100, "input": "0.50"}],
    "tier": [{"name": "priority", "input": "0.45"}, {"name": "flex", "output": "1", "above": [{"input_tokens": 9}]}],
}


@pytest.mark.parametrize(
    ("named", "input_tokens", "nanos"),
    [
        (None, 100, 25_000),
        ("default", 100, 25_000),
        ("scale", 100, 25_000),
        ("priority", 100, 45_000),
        ("flex", 100, 25_000),
        ("default", 200, 100_000),
        ("priority", 200, 90_000),
        ("flex", 200, 50_000),
    ],
)
def test_the_tier_that_the_answer_names_is_billed_where_it_is_priced(
    named: str | None, input_tokens: int, nanos: int
) -> None:
    """Long-context prices of the list are not for a tier: it has its own, or none."""
    usage = Usage(input=input_tokens, service_tier=named)
    assert price_usage(parse_prices(TIERED), usage).amount_nanos == nanos


def test_a_tier_inherits_the_prices_that_it_does_not_name() -> None:
    prices = parse_prices(TIERED)
    assert price_usage(prices, Usage(output=5, service_tier="priority")).amount_nanos == 10_000
    assert price_usage(prices, Usage(output=5, service_tier="flex")).amount_nanos == 5_000


@pytest.mark.parametrize(
    ("asked", "nanos"), [("default", 2_025), ("flex", 2_025), ("priority", 2_045), ("auto", 2_045), (None, 2_045)]
)
def test_a_hold_covers_the_requested_tier_and_the_default_one(asked: str | None, nanos: int) -> None:
    prices = parse_prices(TIERED)
    assert hold_ceiling(prices, Bounds(100, 1_000, service_tier=asked)) == nanos * 1_000


def test_a_tier_can_be_requested_if_it_has_prices() -> None:
    prices = parse_prices(TIERED)
    for name in (None, "auto", "default", "flex", "priority"):
        assert tier_is_priced(prices, name)
    assert not tier_is_priced(prices, "scale")
    assert not tier_is_priced(parse_prices(SIMPLE), "flex")
    assert tiers_on_offer(prices) == ("auto", "default", "flex", "priority")
    assert tiers_on_offer(parse_prices(SIMPLE)) == LIST_ITSELF


def test_bounds_count_tokens_of_all_choices() -> None:
    assert Bounds(10, 5, choices=3).tokens == 25


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ({"output": "1"}, "price.input"),
        ({"input": "1"}, "price.output"),
        ({**SIMPLE, "per_token": "1"}, "price.per_token"),
        ({**SIMPLE, "input": 0.25}, "price.input"),
        ({**SIMPLE, "input": "-1"}, "price.input"),
        ({**SIMPLE, "input": "0.0000001"}, "price.input"),
        ({**SIMPLE, "web_search_call": 1}, "price.web_search_call"),
        ({**SIMPLE, "image": {}}, "price.image"),
        ({**SIMPLE, "image": {"low/auto": 1}}, "price.image.low/auto"),
        ({**SIMPLE, "image": {"low/auto": None}}, "price.image.low/auto"),
        ({**SIMPLE, "image": {f"low/{size}": "1" for size in range(IMAGE_PRICES_MAX + 1)}}, "price.image"),
        ({**SIMPLE, "above": [{"input_tokens": n + 1} for n in range(TIERS_MAX + 1)]}, "price.above"),
        ({**SIMPLE, "above": [{"input_tokens": 5}, {"input_tokens": 5}]}, "price.above"),
        ({**SIMPLE, "above": [{"input": "1"}]}, "price.above[0]"),
        ({**SIMPLE, "calls": "0"}, "price.calls"),
        ({**SIMPLE, "calls": {"file_search": "0"}}, "price.calls.file_search"),
        ({**SIMPLE, "calls": {"mcp": 0}}, "price.calls.mcp"),
        ({**SIMPLE, "calls": {"mcp": "-1"}}, "price.calls.mcp"),
        ({**SIMPLE, "tier": {}}, "price.tier"),
        ({**SIMPLE, "tier": ["flex"]}, "price.tier[0]"),
        ({**SIMPLE, "tier": [{"input": "1"}]}, "price.tier[0].name"),
        ({**SIMPLE, "tier": [{"name": "Flex"}]}, "price.tier[0].name"),
        ({**SIMPLE, "tier": [{"name": "auto"}]}, "price.tier[0].name"),
        ({**SIMPLE, "tier": [{"name": "default"}]}, "price.tier[0].name"),
        ({**SIMPLE, "tier": [{"name": "flex"}, {"name": "flex"}]}, "price.tier[1].name"),
        ({**SIMPLE, "tier": [{"name": "flex", "image": "1"}]}, "price.tier[0]"),
        ({**SIMPLE, "tier": [{"name": "flex", "input": 1}]}, "price.tier[0].input"),
        ({**SIMPLE, "tier": [{"name": "flex", "above": [{}]}]}, "price.tier[0].above[0]"),
        ({**SIMPLE, "tier": [{"name": f"t{n}"} for n in range(SERVICE_TIERS_MAX + 1)]}, "price.tier"),
        ({**SIMPLE, "above": [{"input_tokens": 0}]}, "price.above[0]"),
        ({**SIMPLE, "above": [{"input_tokens": True}]}, "price.above[0]"),
        ({**SIMPLE, "above": [{"input_tokens": 5, "image": "1"}]}, "price.above[0]"),
        ({**SIMPLE, "above": [{"input_tokens": 5, "output": 1}]}, "price.above[0].output"),
        ({**SIMPLE, "above": "none"}, "price.above"),
        ({**SIMPLE, "above": {"input_tokens": 5}}, "price.above"),
        ({**SIMPLE, "above": [5]}, "price.above[0]"),
    ],
)
def test_a_table_that_is_wrong_names_the_entry(table: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse_prices(table)
    assert refused.value.field == field


def test_a_missing_image_price_means_that_images_are_not_sold() -> None:
    assert parse_prices({**SIMPLE, "image": None}).image_picos is None
