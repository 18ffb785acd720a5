"""Gemini's usage split into disjoint kinds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.exchange import AnswerError
from app.wire.gemini.usage import gemini_usage, service_tier
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
    "figures",
    [{}, {"candidatesTokenCount": 4}, {"promptTokenCount": 4}, {"promptTokenCount": 4, "totalTokenCount": 9}],
)
def test_usage_without_input_or_output_is_none(figures: dict[str, Any]) -> None:
    assert usage(**figures) is None


@pytest.mark.parametrize(
    "figures",
    [
        {"promptTokenCount": "9"},
        {"promptTokenCount": -1},
        {"promptTokenCount": 1.5},
        {"promptTokenCount": True},
        {"promptTokenCount": 10**10},
        {"promptTokenCount": 1, "candidatesTokenCount": 1, "promptTokensDetails": {}},
        {"promptTokenCount": 1, "candidatesTokenCount": 1, "promptTokensDetails": [1]},
        {"promptTokenCount": 1, "candidatesTokenCount": 1, "candidatesTokensDetails": image("1")},
    ],
)
def test_invalid_counts_are_malformed(figures: dict[str, Any]) -> None:
    with pytest.raises(AnswerError) as caught:
        usage(**figures)
    assert caught.value.malformed


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
    ],
)
def test_a_tier_has_openai_s_name(figures: dict[str, Any], tier: str | None) -> None:
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
def test_kinds_always_add_up_to_the_vendors_own_total(figures: dict[str, Any]) -> None:
    actual = usage(**figures)
    if actual is not None:
        assert actual.input_tokens == figures["promptTokenCount"] + (figures["toolUsePromptTokenCount"] or 0)
        assert actual.output_tokens == (figures["candidatesTokenCount"] or 0) + (figures["thoughtsTokenCount"] or 0)
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
