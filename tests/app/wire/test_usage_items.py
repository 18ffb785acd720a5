"""Calls, images and service tiers of an answer's items, and how they join the tokens."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.usage import (
    COUNTED_ITEMS,
    Item,
    item_usage,
    responses_usage,
    tier,
    with_items,
)
from domain.usage import CALLED_TOOLS, CallCount, ImageCount, Usage


def test_searches_are_calls_and_page_views_are_not() -> None:
    actions = [{"type": "search"}, {}, None, {"type": "open_page"}, {"type": "find_in_page"}]
    items = [Item(type="web_search_call", action=action) for action in actions]
    items.append(Item(type="web_search_call", status="failed"))
    assert item_usage(items) == Usage(web_search_calls=3)


@pytest.mark.parametrize(
    ("tool_usage", "calls"),
    [(None, 1), ({}, 1), ({"web_search": None}, 1), ({"web_search": {}}, 1), ({"web_search": {"num_requests": 7}}, 7)],
)
def test_the_upstreams_own_number_of_searches_overrides_the_items(tool_usage: Any, calls: int) -> None:
    assert item_usage([Item(type="web_search_call")], tool_usage=tool_usage).web_search_calls == calls


@pytest.mark.parametrize("tool_usage", ["x", {"web_search": 3}, {"web_search": {"num_requests": -1}}])
def test_a_number_of_searches_that_is_not_a_count_is_not_read_and_marks_the_usage(tool_usage: Any) -> None:
    items = item_usage([Item(type="web_search_call")], tool_usage=tool_usage)
    assert items == Usage(web_search_calls=1, estimated=True)
    assert with_items(Usage(input=1), items).estimated


def test_images_are_counted_by_quality_and_size() -> None:
    items = [
        Item(type="image_generation_call", status="completed", quality="low", size="1024x1024"),
        Item(type="image_generation_call", status="generating", quality="low", size="1024x1024"),
        Item(type="image_generation_call", quality="high", size="auto"),
        Item(type="image_generation_call", status="failed", quality="high", size="auto"),
        Item(type="message"),
    ]
    assert item_usage(items).images == (ImageCount("low", "1024x1024", 2), ImageCount("high", "auto", 1))


def test_calls_of_other_tools_are_counted_by_the_catalogs_names() -> None:
    kinds = ("custom_tool_call", "mcp_call", "computer_call", "custom_tool_call", "code_interpreter_call")
    others = ("function_call", "mcp_list_tools", "mcp_approval_request", "reasoning", None, 5, ["mcp_call"])
    items = [Item(type=kind) for kind in (*kinds, *others)]
    items.append(Item(type="mcp_call", status="failed"))
    counts = (("code_interpreter", 1), ("computer_use", 1), ("custom", 2), ("mcp", 1))
    assert item_usage(items) == Usage(calls=tuple(CallCount(*count) for count in counts))
    assert set(COUNTED_ITEMS) >= set(kinds)
    assert {tool for tool, _ in counts} | {"namespace"} == set(CALLED_TOOLS)


def test_tokens_of_one_usage_take_the_calls_and_images_of_another() -> None:
    items = Usage(web_search_calls=2, images=(ImageCount("low", "auto", 1),), calls=(CallCount("mcp", 3),))
    actual = responses_usage({"input_tokens": 5, "output_tokens": 7}, "flex", items)
    assert actual == with_items(Usage(input=5, output=7, service_tier="flex"), items)
    assert actual is not None
    assert (actual.web_search_calls, actual.images, actual.calls) == (2, items.images, items.calls)


@pytest.mark.parametrize(
    ("tools", "named"),
    [
        (None, ("auto", "auto")),
        (
            [{"type": "web_search", "quality": "no"}, 5, {"type": "image_generation", "quality": "high"}],
            ("high", "auto"),
        ),
        ([{"type": "image_generation", "quality": 5, "size": "x" * 100}], ("auto", "auto")),
        ([{"type": "image_generation", "quality": "low", "size": "1536x1024"}], ("low", "1536x1024")),
    ],
)
def test_an_image_without_details_has_those_of_the_tool(tools: Any, named: tuple[str, str]) -> None:
    assert item_usage([Item(type="image_generation_call")], tools).images == (ImageCount(*named, 1),)


@pytest.mark.parametrize(
    ("value", "expected"), [("default", "default"), ("", None), ("x" * 99, None), (5, None), (None, None)]
)
def test_a_tier_is_a_short_text(value: Any, expected: str | None) -> None:
    assert tier(value) == expected
