from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.anthropic.usage import Tally
from app.wire.figures import FIGURE_MAX, SPELLINGS, grown
from app.wire.gemini.usage import gemini_usage
from app.wire.usage import (
    ChatFigures,
    JudgedUsage,
    chat_usage,
    item_usage,
    responses_usage,
)
from domain.usage import Usage


def plain(usage: Usage | None) -> Usage | None:
    """The counts alone, without what was inferred."""
    return usage.within(usage.input_tokens, usage.output_tokens) if isinstance(usage, JudgedUsage) else usage


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        (None, None),
        ({}, None),
        ([], None),
        ("x", None),
        (5, None),
        ({"total_tokens": 3}, None),
        ({"prompt_tokens": 3}, Usage(input=3)),
        ({"prompt_tokens": None, "completion_tokens": 3}, Usage(output=3)),
        ({"prompt_tokens": 3, "total_tokens": 10}, Usage(input=3, output=7)),
        ({"prompt_tokens": 0, "completion_tokens": 3, "total_tokens": 10}, Usage(input=7, output=3)),
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
        (  # more cached than there was, and reasoning that cannot be part of the output
            {
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 9, "cache_write_tokens": 9},
                "completion_tokens_details": {"reasoning_tokens": 8},
            },
            Usage(cached_input=5, output=10, reasoning=8),
        ),
    ],
)
def test_chat_usage(raw: Any, usage: Usage | None) -> None:
    assert plain(chat_usage(raw, None)) == usage


HIDDEN = {"prompt_tokens": 100, "completion_tokens": 20}


@pytest.mark.parametrize(
    ("more", "usage"),
    [
        ({"total_tokens": 150}, Usage(input=100, output=50, reasoning=30)),  # Gemini's OpenAI endpoint
        ({"total_tokens": 150, "reasoning_tokens": 5}, Usage(input=100, output=50, reasoning=30)),
        ({"total_tokens": 150, "reasoning_tokens": 30}, Usage(input=100, output=50, reasoning=30)),
        ({"total_tokens": 200, "cache_read_input_tokens": 80}, Usage(input=100, cached_input=80, output=20)),
        (
            {"total_tokens": 230, "cache_read_input_tokens": 80, "reasoning_tokens": 30},
            Usage(input=100, cached_input=80, output=50, reasoning=30),
        ),
        ({"total_tokens": 90}, Usage(input=100, output=20)),
        ({"total_tokens": 0}, Usage(input=100, output=20)),
    ],
)
def test_a_total_shows_what_no_other_figure_does(more: dict[str, int], usage: Usage) -> None:
    assert plain(chat_usage(HIDDEN | more, None)) == usage


@pytest.mark.parametrize(
    ("reported", "billed"),
    [
        (HIDDEN | {"total_tokens": FIGURE_MAX}, Usage(input=100, output=60, reasoning=40, estimated=True)),
        (HIDDEN | {"total_tokens": 160}, Usage(input=100, output=60, reasoning=40)),
        ({"prompt_tokens": 100, "total_tokens": FIGURE_MAX}, Usage(input=100, output=60, estimated=True)),
        ({"completion_tokens": 20, "total_tokens": FIGURE_MAX}, Usage(input=150, output=20, estimated=True)),
        (
            HIDDEN | {"total_tokens": 9120, "cached_tokens": 9000},
            Usage(cached_input=150, output=20, estimated=True),
        ),
        (HIDDEN | {"reasoning_tokens": 900}, Usage(input=100, output=60, reasoning=40, estimated=True)),
        (HIDDEN | {"reasoning_tokens": 900, "total_tokens": 120}, Usage(input=100, output=20, reasoning=20)),
        # Reported figures are never lowered.
        (
            {"prompt_tokens": 900, "completion_tokens": 800, "total_tokens": FIGURE_MAX},
            Usage(input=900, output=800, estimated=True),
        ),
        (HIDDEN | {"reasoning_tokens": 900, "total_tokens": 1020}, Usage(input=100, output=920, reasoning=900)),
    ],
)
def test_inferred_tokens_are_lowered_to_the_bounds(reported: dict[str, int], billed: Usage) -> None:
    usage = chat_usage(reported, None)
    assert usage is not None
    assert (usage.within(150, 60) if isinstance(usage, JudgedUsage) else usage) == billed


def test_timings_alone_are_inferred() -> None:
    usage = collected({"timings": {"prompt_n": 20, "cache_n": 800, "predicted_n": 900}})
    assert isinstance(usage, JudgedUsage)
    assert usage.within(150, 60) == Usage(cached_input=150, output=60, estimated=True)


@pytest.mark.parametrize("figure", [-1, FIGURE_MAX + 1, 10**30, 1.5, True, "7", [1], {}])
@pytest.mark.parametrize("name", ["total_tokens", "reasoning_tokens", "cached_tokens"])
def test_a_figure_that_is_not_a_count_is_not_read_and_marks_the_usage(name: str, figure: Any) -> None:
    assert chat_usage(HIDDEN | {name: figure}, None) == Usage(input=100, output=20, estimated=True)


@pytest.mark.parametrize("figure", [-1, 1.5, "100"])
def test_an_input_or_output_that_is_not_a_count_is_missing(figure: Any) -> None:
    assert chat_usage(HIDDEN | {"prompt_tokens": figure}, None) == Usage(output=20, estimated=True)
    assert chat_usage(HIDDEN | {"completion_tokens": figure}, None) == Usage(input=100, estimated=True)


@pytest.mark.parametrize("details", [None, [], "", {}])
def test_empty_details_are_no_details(details: Any) -> None:
    details = {"prompt_tokens_details": details, "completion_tokens_details": details}
    assert chat_usage({"prompt_tokens": 100.0, "completion_tokens": 20.0} | details, None) == Usage(
        input=100, output=20
    )


@pytest.mark.parametrize(
    ("more", "usage"),
    [
        ({"cache_creation_input_tokens": 9}, Usage(input=91, cache_write=9, output=20)),
        (
            {
                "cache_creation_input_tokens": 9,
                "cache_creation": {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 4},
            },
            Usage(input=91, cache_write=5, cache_write_1h=4, output=20),
        ),
        (
            {"claude_cache_creation_5_m_tokens": 5, "claude_cache_creation_1_h_tokens": 4},
            Usage(input=91, cache_write=5, cache_write_1h=4, output=20),
        ),
        (
            {"prompt_tokens_details": {"cached_tokens": 10, "cache_creation": {"ephemeral_1h_input_tokens": 200}}},
            Usage(cached_input=10, cache_write_1h=90, output=20),
        ),
    ],
)
def test_cache_writes_are_split_by_their_lifetime(more: dict[str, Any], usage: Usage) -> None:
    assert chat_usage(HIDDEN | more, None) == usage


def collected(*chunks: dict[str, Any]) -> Usage | None:
    figures = ChatFigures()
    for each in chunks:
        figures.add(each.pop("usage", None), **each)
    return figures.usage(None)


ZEROS = {"prompt_tokens": 0, "completion_tokens": 0}


@pytest.mark.parametrize(
    ("chunks", "usage"),
    [
        ([{}], None),
        ([{"x_groq": {"id": "r"}}, {"timings": {"prompt_n": 1}}, {"timings": 3, "x_groq": 3}], None),
        ([{"x_groq": {"usage": HIDDEN}}], Usage(input=100, output=20)),
        ([{"in_choices": {0: HIDDEN}}], Usage(input=100, output=20)),
        ([{"in_choices": {0: None, 1: {}}}], None),
        (  # each choice counts its own output
            [{"in_choices": {0: HIDDEN}}, {"in_choices": {1: HIDDEN | {"completion_tokens": 7}, 0: HIDDEN}}],
            Usage(input=100, output=27),
        ),
        (
            [{"in_choices": {0: HIDDEN | {"total_tokens": 130}, 1: HIDDEN | {"cached_tokens": 30}}}],
            Usage(input=100, output=50, reasoning=10),
        ),
        (
            [{"in_choices": {0: HIDDEN, 1: {"completion_tokens": 5, "total_tokens": 205}}}],
            Usage(input=200, output=25),
        ),
        ([{"timings": {"prompt_n": 20, "cache_n": 80, "predicted_n": 9}}], Usage(input=20, cached_input=80, output=9)),
        ([{"timings": {"prompt_n": 20, "predicted_n": 9}}], Usage(input=20, output=9)),
        ([{"usage": ZEROS}], Usage()),
        ([{"usage": ZEROS, "x_groq": {"usage": HIDDEN}}], Usage(input=100, output=20)),
        (
            [{"usage": {"prompt_tokens": 7, "completion_tokens": 8}, "x_groq": {"usage": HIDDEN}}],
            Usage(input=7, output=8),
        ),
        ([{"usage": HIDDEN}, {"usage": ZEROS}], Usage(input=100, output=20)),
        ([{"usage": {"prompt_tokens": 100, "completion_tokens": 3}}, {"usage": HIDDEN}], Usage(input=100, output=20)),
    ],
)
def test_every_known_place_of_chat_usage(chunks: list[dict[str, Any]], usage: Usage | None) -> None:
    assert plain(collected(*map(dict, chunks))) == usage


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*(name for rows in SPELLINGS.values() for row in rows for path in row for name in path), "x"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=3))
def test_no_usage_makes_an_answer_malformed_and_no_part_exceeds_its_whole(reports: list[Any]) -> None:
    figures = ChatFigures()
    for report in reports:
        figures.add(report, x_groq={"usage": report}, in_choices={0: report}, timings=report)
        usage = figures.usage("x")
        if usage is None:
            continue
        assert min(usage.input, usage.cached_input, usage.cache_write, usage.cache_write_1h, usage.output) >= 0
        assert 0 <= usage.reasoning <= usage.output <= 2 * FIGURE_MAX
        responses_usage(report, None, Usage())
        item_usage([], tool_usage=report)
        Tally().add(report)
        gemini_usage(report, searches=0, images=())


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200), st.integers(0, 200))
def test_a_later_report_never_lowers_the_tokens_of_an_earlier_one(
    read: int, output: int, later: int, more: int
) -> None:
    figures = ChatFigures()
    figures.add({"prompt_tokens": read, "completion_tokens": output})
    figures.add({"prompt_tokens": later, "completion_tokens": more})
    usage = figures.usage(None)
    assert usage == Usage(input=max(read, later), output=max(output, more))


WHOLES = {"prompt_tokens": 100, "completion_tokens": 50}
KINDS = ("cached_input", "cache_write", "reasoning")


def nested(path: tuple[str, ...], value: int) -> dict[str, Any]:
    return {path[0]: nested(path[1:], value) if path[1:] else value}


@pytest.mark.parametrize("kind", KINDS)
def test_every_known_spelling_equals_the_standard_one_and_the_standard_one_wins(kind: str) -> None:
    standard, *others = (path for row in SPELLINGS[kind] for path in row)
    expected = chat_usage(WHOLES | nested(standard, 30), None)
    assert expected is not None
    assert getattr(expected, kind) == 30
    for path in others:
        assert chat_usage(WHOLES | nested(path, 30), None) == expected, path
        both = grown(WHOLES | nested(standard, 30), nested(path, 40))
        if path[0] != standard[0] or path[-1] != standard[-1]:
            assert chat_usage(both, None) == expected, path


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
    beside = thought if thought > output > 0 else 0  # reasoning above its whole was not counted in it
    assert (usage.input_tokens, usage.output_tokens) == (read, output + beside)
    assert min(usage.input, usage.cached_input, usage.cache_write) >= 0
    assert usage.reasoning <= usage.output
    assert (usage.web_search_calls, usage.service_tier) == (2, "default")


@pytest.mark.parametrize("raw", [None, {}, [], {"total_tokens": 1}])
def test_responses_usage_without_counts_is_none(raw: Any) -> None:
    assert responses_usage(raw, None, Usage()) is None
