"""Which values are counts, and how two reports of one answer become one."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.figures import FIGURE_MAX, Figures, count, grown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (7, 7),
        (7.0, 7),
        (FIGURE_MAX, FIGURE_MAX),
        (FIGURE_MAX + 1, None),
        (-1, None),
        (7.5, None),
        (True, None),
        ("7", None),
        (None, None),
        ([], None),
        ({}, None),
        (1e300, None),
    ],
)
def test_a_count_is_a_whole_number_in_any_form(value: Any, expected: int | None) -> None:
    assert count(value) == expected


@pytest.mark.parametrize(
    ("reported", "found", "faulty"),
    [
        (None, None, False),
        ([], None, False),
        ("x", None, True),
        ({"a": None}, None, False),
        ({"a": []}, None, False),
        ({"a": 3}, None, True),
        ({"a": {"b": 3.0}}, 3, False),
        ({"a": {"b": "3"}}, None, True),
    ],
)
def test_a_value_that_is_not_a_count_is_faulty(reported: Any, found: int | None, faulty: bool) -> None:
    figures = Figures(reported)
    assert (figures.at("a", "b"), figures.faulty) == (found, faulty)


@pytest.mark.parametrize(
    ("earlier", "later", "both"),
    [
        ({"a": 3}, {"a": 5, "b": 1}, {"a": 5, "b": 1}),
        ({"a": 3}, {"a": 0}, {"a": 3}),
        ({"a": 3}, {"a": None}, {"a": 3}),
        ({"a": 3}, {"a": "x"}, {"a": 3}),
        ({"a": "x"}, {"a": 3}, {"a": 3}),
        ({"a": "x"}, {"a": None}, {"a": "x"}),
        ({"a": {"b": 3, "c": 1}}, {"a": {"b": 2, "c": 4}}, {"a": {"b": 3, "c": 4}}),
        ({"a": {"b": 3}}, {"a": None}, {"a": {"b": 3}}),
        ({"a": 3}, "x", {"a": 3}),
        ({"a": [1]}, {"a": []}, {"a": [1]}),
    ],
)
def test_figures_only_grow(earlier: Any, later: Any, both: Any) -> None:
    assert grown(earlier, later) == both


def test_deep_members_are_not_followed() -> None:
    deep: dict[str, Any] = {"a": 1}
    for _ in range(100):
        deep = {"a": deep}
    assert grown(deep, deep) == deep
