"""Gemini's usage split into disjoint kinds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.gemini.usage import gemini_usage, service_tier
from app.wire.usage import JudgedUsage
from domain.usage import ImageCount, Usage


def usage(**figures: Any) -> Usage | None:
    return gemini_usage(figures, searches=0, images=())


def image(count: Any) -> list[dict[str, Any]]:
    return [{"modality": "TEXT", "tokenCount": 1}, {"modality": "IMAGE", "tokenCount": count}]


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"promptTokenCount": 9, "candidatesTokenCount": 4}, Usage(input=9, output=4)),
        (
            {"promptTokenCount": 9, "thoughtsTokenCount": 4, "totalTokenCount": 13},
            Usage(input=9, output=4, reasoning=4),
        ),
        ({"promptTokenCount": 9, "totalTokenCount": 9}, Usage(input=9)),
        ({"promptTokenCount": 9, "toolUsePromptTokenCount": 3, "totalTokenCount": 12}, Usage(input=12)),
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 60,
                "toolUsePromptTokenCount": 7,
                "candidatesTokenCount": 1,
            },
            Usage(input=47, cached_input=60, output=1),
        ),
        (
            {"promptTokenCount": 10, "cachedContentTokenCount": 60, "candidatesTokenCount": 1},
            Usage(cached_input=10, output=1),
        ),
        (
            {
                "promptTokenCount": 300,
                "promptTokensDetails": image(258),
                "candidatesTokenCount": 1294,
                "candidatesTokensDetails": image(1290),
                "thoughtsTokenCount": 50,
            },
            Usage(input=42, image_input=258, output=54, image_output=1290, reasoning=50),
        ),
        (
            {
                "promptTokenCount": 600,
                "cachedContentTokenCount": 400,
                "promptTokensDetails": image(516),
                "cacheTokensDetails": image(390),
                "candidatesTokenCount": 1,
            },
            Usage(input=74, cached_input=400, image_input=126, output=1),
        ),
        (
            {
                "promptTokenCount": 5,
                "promptTokensDetails": image(9),
                "candidatesTokenCount": 2,
                "candidatesTokensDetails": image(9),
            },
            Usage(image_input=5, image_output=2),
        ),
        (
            {"promptTokenCount": 5, "cacheTokensDetails": image(9), "candidatesTokenCount": 2},
            Usage(input=5, output=2),
        ),
        (
            {"promptTokenCount": 5, "promptTokensDetails": image(None), "candidatesTokenCount": 2},
            Usage(input=5, output=2),
        ),
    ],
)
def test_kinds_are_disjoint(figures: dict[str, Any], expected: Usage) -> None:
    assert usage(**figures) == expected


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({}, None),
        ({"thoughtsTokenCount": 4}, None),
        ({"candidatesTokenCount": 4}, Usage(output=4)),
        ({"promptTokenCount": 4}, Usage(input=4)),
        ({"promptTokenCount": 4.0, "totalTokenCount": 9}, Usage(input=4, output=5)),
        ({"promptTokenCount": 0, "candidatesTokenCount": 4, "totalTokenCount": 9}, Usage(input=5, output=4)),
        ({"totalTokenCount": 9}, Usage(output=9)),
        (  # thinking that no other member counts
            {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 150},
            Usage(input=100, output=50, reasoning=30),
        ),
        (
            {"promptTokenCount": 100, "candidatesTokenCount": 20, "thoughtsTokenCount": 10, "totalTokenCount": 150},
            Usage(input=100, output=50, reasoning=30),
        ),
    ],
)
def test_missing_figures_are_taken_from_the_total(figures: dict[str, Any], expected: Usage | None) -> None:
    found = usage(**figures)
    assert (found.within(1000, 1000) if isinstance(found, JudgedUsage) else found) == expected


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (
            {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 10**9},
            Usage(input=100, output=60, reasoning=40, estimated=True),
        ),
        ({"totalTokenCount": 10**9}, Usage(output=60, estimated=True)),
        (
            {"totalTokenCount": 10**9, "candidatesTokenCount": 20, "promptTokensDetails": image(10**8)},
            Usage(image_input=150, output=20, estimated=True),
        ),
        (
            {"totalTokenCount": 10**9, "candidatesTokensDetails": image(10**8)},
            Usage(image_output=60, estimated=True),
        ),
    ],
)
def test_a_wrong_total_cannot_raise_the_usage_above_the_bounds(figures: dict[str, Any], expected: Usage) -> None:
    found = usage(**figures)
    assert isinstance(found, JudgedUsage)
    assert found.within(150, 60) == expected


@pytest.mark.parametrize(
    "figures",
    [
        {"cachedContentTokenCount": "9"},
        {"thoughtsTokenCount": -1},
        {"totalTokenCount": 1.5},
        {"toolUsePromptTokenCount": True},
        {"cachedContentTokenCount": 10**10},
        {"promptTokensDetails": {"modality": "IMAGE"}},
        {"promptTokensDetails": [1]},
        {"candidatesTokensDetails": image("1")},
    ],
)
def test_a_figure_that_is_not_a_count_is_not_read_and_marks_the_usage(figures: dict[str, Any]) -> None:
    assert usage(promptTokenCount=1, candidatesTokenCount=1, **figures) == Usage(input=1, output=1, estimated=True)


def test_searches_and_images_come_from_the_answer() -> None:
    images = (ImageCount("auto", "auto", 2),)
    actual = gemini_usage({"promptTokenCount": 1, "candidatesTokenCount": 1}, searches=3, images=images)
    assert actual == Usage(input=1, output=1, web_search_calls=3, images=images)


@pytest.mark.parametrize(
    ("figures", "tier"),
    [
        ({}, None),
        ({"trafficType": "ON_DEMAND"}, "default"),
        ({"trafficType": "ON_DEMAND_PRIORITY"}, "priority"),
        ({"trafficType": "TRAFFIC_TYPE_UNSPECIFIED"}, None),
        ({"serviceTier": "standard", "trafficType": "ON_DEMAND_FLEX"}, "default"),
        ({"serviceTier": "flex"}, "flex"),
        ({"serviceTier": 7}, None),
        ([], None),
    ],
)
def test_a_tier_has_openai_s_name(figures: Any, tier: str | None) -> None:
    assert service_tier(figures) == tier


COUNTS = st.none() | st.integers(0, 10**9)
DETAILS = st.none() | st.lists(
    st.fixed_dictionaries({"modality": st.sampled_from(["TEXT", "IMAGE"]), "tokenCount": COUNTS}), max_size=3
)


@given(
    st.fixed_dictionaries(
        {
            **dict.fromkeys(["promptTokenCount", "cachedContentTokenCount", "toolUsePromptTokenCount"], COUNTS),
            **dict.fromkeys(["candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount"], COUNTS),
            **dict.fromkeys(["promptTokensDetails", "cacheTokensDetails", "candidatesTokensDetails"], DETAILS),
        }
    )
)
def test_kinds_are_disjoint_and_hold_at_least_the_vendors_own_figures(figures: dict[str, Any]) -> None:
    actual = usage(**figures)
    if actual is not None:
        prompt, tools, written, thoughts, total = (
            figures[f"{name}TokenCount"] or 0 for name in ("prompt", "toolUsePrompt", "candidates", "thoughts", "total")
        )
        assert actual.input_tokens >= prompt + tools
        assert actual.output_tokens >= written + thoughts
        assert actual.total_tokens == max(total, prompt + tools + written + thoughts)
        kinds = (
            actual.input,
            actual.cached_input,
            actual.image_input,
            actual.output,
            actual.image_output,
            actual.reasoning,
        )
        assert min(kinds) >= 0
        assert actual.reasoning <= actual.output
