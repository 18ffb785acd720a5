"""Integers as exact decimal text."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decimals import format_scaled, format_usd


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "0.00"),
        (1, "0.000000001"),
        (9_999_901_000, "9.999901"),
        (10_000_000_000, "10.00"),
        (-1, "-0.000000001"),
        (-1_500_000_000, "-1.50"),
        (100_000_000, "0.10"),
    ],
)
def test_dollars_have_two_decimals_and_no_more_than_they_need(nanos: int, text: str) -> None:
    assert format_usd(nanos) == text


@given(st.integers(-(10**30), 10**30))
def test_the_text_is_the_number_of_dollars_exactly(nanos: int) -> None:
    assert Fraction(format_usd(nanos)) * 10**9 == nanos


@given(st.integers(-(10**24), 10**24), st.integers(0, 12))
def test_the_text_is_the_scaled_number_exactly(value: int, decimals: int) -> None:
    text = format_scaled(value, decimals)
    assert Fraction(text) * 10**decimals == value
    assert not (text.endswith("0") and "." in text)
    assert not text.endswith(".")


def test_a_scaled_number_is_short() -> None:
    assert format_scaled(250_000, 6) == "0.25"
    assert format_scaled(7, 0) == "7"
    assert format_scaled(-1_000_000, 6) == "-1"
