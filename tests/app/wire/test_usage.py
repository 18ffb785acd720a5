from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.exchange import AnswerError
from app.wire.usage import COUNTED_ITEMS, FIGURE_MAX, Item, chat_usage, item_usage, responses_usage, tier, with_items
from domain.usage import CALLED_TOOLS, CallCount, ImageCount, Usage


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        (None, None),
        ({}, None),
        ({"prompt_tokens": 3}, None),
        ({"prompt_tokens": None, "completion_tokens": 3}, None),
        ({"prompt_tokens": 3, "completion_tokens": 4}, Usage(input=3, output=4)),
        ({"prompt_tokens": 0, "completion_tokens": 0, "prompt_tokens_details": None}, Usage()),
        (
            {
                "prompt_tokens": 20,
                "completion_tokens": 7,
                "prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": 2},
            },
            Usage(input=15, cached_input=5, output=7),
        ),
        (
            {
                "prompt_tokens": 20,
                "completion_tokens": 7,
                "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 6},
            },
            Usage(input=9, cached_input=5, cache_write=6, output=7),
        ),
        (  # reasoning inside, as OpenAI counts
            {
                "prompt_tokens": 9,
                "completion_tokens": 7,
                "total_tokens": 16,
                "completion_tokens_details": {"reasoning_tokens": 4},
            },
            Usage(input=9, output=7, reasoning=4),
        ),
        (  # reasoning beside, as xAI counts
            {
                "prompt_tokens": 9,
                "completion_tokens": 7,
                "total_tokens": 20,
                "completion_tokens_details": {"reasoning_tokens": 4},
            },
            Usage(input=9, output=11, reasoning=4),
        ),
        (  # more cached than there was, more reasoning than was written
            {
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 9, "cache_write_tokens": 9},
                "completion_tokens_details": {"reasoning_tokens": 8},
            },
            Usage(cached_input=5, output=2, reasoning=2),
        ),
    ],
)
def test_chat_usage(raw: Any, usage: Usage | None) -> None:
    assert chat_usage(raw, None) == usage


NO_COUNTS = [-1, FIGURE_MAX + 1, 10**30, 1.0, True, "7", [], {}]


@pytest.mark.parametrize("figure", NO_COUNTS)
@pytest.mark.parametrize(
    "name", ["prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens", "cached_tokens"]
)
def test_an_invalid_count_makes_chat_usage_malformed(name: str, figure: Any) -> None:
    actual: dict[str, Any] = {
        "prompt_tokens": 5,
        "completion_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    actual |= {"prompt_tokens_details": {"cached_tokens": 1}, "total_tokens": 10}
    holder = {"reasoning_tokens": "completion_tokens_details", "cached_tokens": "prompt_tokens_details"}.get(name)
    (actual[holder] if holder else actual)[name] = figure
    with pytest.raises(AnswerError) as caught:
        chat_usage(actual, None)
    assert caught.value.malformed


@pytest.mark.parametrize(
    "raw", [[], "x", 5, {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": [1]}]
)
def test_usage_that_is_not_an_object_is_malformed(raw: Any) -> None:
    with pytest.raises(AnswerError):
        chat_usage(raw, None)


COUNTS = st.integers(min_value=0, max_value=FIGURE_MAX)


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_kinds_are_disjoint_and_add_up_to_the_upstreams_total(
    read: int, output: int, cached: int, written: int, thought: int
) -> None:
    details = {"cached_tokens": cached, "cache_write_tokens": written}
    actual = {
        "input_tokens": read,
        "output_tokens": output,
        "input_tokens_details": details,
        "output_tokens_details": {"reasoning_tokens": thought},
    }
    usage = responses_usage(actual, "default", Usage(web_search_calls=2))
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (read, output)
    assert min(usage.input, usage.cached_input, usage.cache_write) >= 0
    assert usage.reasoning <= usage.output
    assert (usage.web_search_calls, usage.service_tier) == (2, "default")


@pytest.mark.parametrize("raw", [None, {}, {"input_tokens": 1}, {"output_tokens": 1}])
def test_responses_usage_without_counts_is_none(raw: Any) -> None:
    assert responses_usage(raw, None, Usage()) is None


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


@pytest.mark.parametrize("tool_usage", [[], {"web_search": 3}, {"web_search": {"num_requests": -1}}])
def test_invalid_tool_usage_is_malformed(tool_usage: Any) -> None:
    with pytest.raises(AnswerError):
        item_usage([], tool_usage=tool_usage)


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
