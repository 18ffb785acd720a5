from __future__ import annotations

from typing import Any

import pytest

from app.wire.anthropic.usage import Tally
from app.wire.usage import judged
from domain.usage import Usage


def usage_of(*usages: Any) -> Usage | None:
    """The usage of one turn."""
    tally = Tally()
    for usage in usages:
        tally.add(usage)
    tally.close_turn()
    return tally.usage


def test_the_largest_count_of_a_turn_is_used() -> None:
    start = {"input_tokens": 2037, "cache_read_input_tokens": 5, "output_tokens": 1, "service_tier": "standard"}
    delta = {"input_tokens": 15665, "cache_read_input_tokens": None, "output_tokens": 795}
    searched = {"server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0}}
    assert usage_of(start, delta | searched) == Usage(
        input=15665, cached_input=5, output=795, web_search_calls=1, service_tier="default"
    )


def test_a_delta_may_omit_counts() -> None:
    assert usage_of({"input_tokens": 10, "output_tokens": 3}, {"output_tokens": 2}, None) == Usage(input=10, output=3)


@pytest.mark.parametrize(
    ("told_of_writes", "short", "long"),
    [
        ({"cache_creation_input_tokens": 9}, 9, 0),
        ({"cache_creation_input_tokens": 9, "cache_creation": {"ephemeral_1h_input_tokens": 4}}, 5, 4),
        ({"cache_creation": {"ephemeral_1h_input_tokens": 4, "ephemeral_5m_input_tokens": 2}}, 2, 4),
        ({"cache_creation_input_tokens": 3, "cache_creation": {"ephemeral_1h_input_tokens": 4}}, 0, 3),
        ({"cache_creation_input_tokens": 0, "cache_creation": None}, 0, 0),
    ],
)
def test_cache_writes_are_split_by_their_lifetime(told_of_writes: Any, short: int, long: int) -> None:
    usage = usage_of({"input_tokens": 1, "output_tokens": 2} | told_of_writes)
    assert usage == Usage(input=1, output=2, cache_write=short, cache_write_1h=long)


def test_thinking_is_part_of_the_output() -> None:
    usage = {"input_tokens": 1, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 7}}
    assert usage_of(usage) == Usage(input=1, output=9, reasoning=7)
    assert usage_of(usage | {"output_tokens": 5}) == Usage(input=1, output=5, reasoning=5)


def test_turns_are_added_up() -> None:
    tally = Tally()
    for output in (3, 4):
        tally.add({"input_tokens": 10, "output_tokens": output, "server_tool_use": {"web_search_requests": 2}})
        tally.close_turn()
    assert tally.output_tokens == 7
    assert tally.usage == Usage(input=20, output=7, web_search_calls=4)


def test_a_turn_without_counts_leaves_the_others() -> None:
    tally = Tally()
    tally.add({"input_tokens": 10, "output_tokens": 3})
    tally.close_turn()
    tally.add({"output_tokens": 4})
    tally.close_turn()
    assert tally.usage == judged(Usage(input=10, output=7), partial=True)


def test_searches_that_the_vendor_does_not_count_are_those_seen() -> None:
    tally = Tally()
    tally.searched = 2
    tally.add({"input_tokens": 10, "output_tokens": 3})
    tally.close_turn()
    assert tally.usage == Usage(input=10, output=3, web_search_calls=2)


@pytest.mark.parametrize(
    ("named", "tier"), [("standard", "default"), ("priority", "priority"), (None, None), (7, None)]
)
def test_the_tier_has_openais_name(named: Any, tier: str | None) -> None:
    assert usage_of({"input_tokens": 1, "output_tokens": 1, "service_tier": named}) == Usage(
        input=1, output=1, service_tier=tier
    )


START = {"input_tokens": 10, "output_tokens": 3}


@pytest.mark.parametrize(
    "usage",
    [
        "x",
        {"input_tokens": -1},
        {"input_tokens": 1.5},
        {"output_tokens": True},
        {"cache_read_input_tokens": "3"},
        {"cache_creation": [1]},
        {"cache_creation": {"ephemeral_1h_input_tokens": -1}},
        {"output_tokens_details": {"thinking_tokens": 10**12}},
        {"server_tool_use": 3},
        {"iterations": 3},
        {"iterations": [3]},
        {"iterations": [{"input_tokens": "3"}]},
    ],
)
def test_a_figure_that_is_not_a_count_is_not_read_and_marks_the_usage(usage: Any) -> None:
    assert usage_of(START, usage) == Usage(input=10, output=3, estimated=True)


@pytest.mark.parametrize("usage", [None, [], {}, "", {"cache_creation": []}, {"iterations": None}, {"iterations": []}])
def test_absent_figures_are_no_contradiction(usage: Any) -> None:
    assert usage_of(START, usage) == Usage(input=10, output=3)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input_tokens": 10.0, "output_tokens": 3.0}, Usage(input=10, output=3)),
        ({"output_tokens": 3}, Usage(output=3)),
        ({"input_tokens": 10}, Usage(input=10)),
        ({"cache_read_input_tokens": 10}, None),
    ],
)
def test_a_missing_count_of_one_turn_is_zero(usage: Any, expected: Usage | None) -> None:
    assert usage_of(usage) == expected


def test_every_iteration_is_billed() -> None:
    """A compaction before the message: the top level has the message alone, as in the vendor's documentation."""
    compaction = {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3_500}
    message = {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000, "cache_read_input_tokens": 7}
    usage = {"input_tokens": 23_000, "output_tokens": 1_000, "iterations": [compaction, message]}
    assert usage_of(usage) == Usage(input=203_000, output=4_500, cached_input=7)


def test_iterations_never_lower_the_top_level() -> None:
    usage = {"input_tokens": 50, "output_tokens": 9, "iterations": [{"type": "message", "input_tokens": 20}]}
    assert usage_of(usage) == Usage(input=50, output=9)
