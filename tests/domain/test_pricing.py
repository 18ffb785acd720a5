"""What a use costs, and what it can cost at most."""

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
    TIERS_MAX,
    TOKEN_KINDS,
    Bounds,
    hold_ceiling,
    parse_prices,
    price_table,
    price_usage,
)
from domain.usage import ImageCount, Usage
from tests.domain.strategies import bounds, price_lists, price_tables, sum_of_lines_picos, uses

SIMPLE = {"input": "0.25", "output": "2.00"}


@settings(max_examples=400)
@given(price_lists, bounds, st.data())
def test_no_use_within_the_bounds_costs_more_than_the_hold(prices: Any, within: Bounds, data: st.DataObject) -> None:
    usage = data.draw(uses(within))
    assert usage.input_tokens <= within.input_tokens
    assert usage.output_tokens <= within.choices * within.output_tokens
    assert usage.web_search_calls + sum(image.count for image in usage.images) <= within.tool_calls
    assert price_usage(prices, usage).amount_nanos <= hold_ceiling(prices, within)


@given(price_lists, bounds)
def test_the_hold_is_reached_where_one_kind_is_used_to_the_bound(prices: Any, within: Bounds) -> None:
    """A ceiling that is far above what can happen would refuse accounts that can pay."""
    assume(len(prices.tiers) == 1)
    tier = prices.tiers[0]
    dear_input = max(("input", "cached_input", "cache_write", "cache_write_1h", "image_input"), key=tier.by_kind.get)
    dear_output = max(("output", "image_output"), key=tier.by_kind.get)
    within = msgspec.structs.replace(within, tool_calls=0)
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
    if isinstance(turned.get("image"), dict):
        turned["image"] = dict(reversed(turned["image"].items()))
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
