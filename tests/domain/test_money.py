"""Integer money."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decimals import format_scaled, format_usd
from domain.errors import InvalidValue
from domain.money import (
    AMOUNT_NANOS_MAX,
    PICOS_PER_NANO,
    PICOS_PER_USD,
    ceil_picos_to_nanos,
    parse_price_picos,
    parse_usd,
)


@given(st.integers(-AMOUNT_NANOS_MAX, AMOUNT_NANOS_MAX))
def test_what_was_formatted_parses_to_itself(nanos: int) -> None:
    assert parse_usd(format_usd(nanos)) == nanos


@given(st.integers(0, 10**12 - 1), st.integers(0, 12))
def test_a_formatted_price_parses_to_itself(value: int, decimals: int) -> None:
    assert parse_price_picos(format_scaled(value, decimals), decimals=decimals, field="price") == value


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("10.00", 10_000_000_000),
        ("-0.000000001", -1),
        ("0", 0),
        ("-0", 0),
        ("000000000001", 1_000_000_000),
        ("1.000000000000", 1_000_000_000),
        ("1000000000", AMOUNT_NANOS_MAX),
        ("-1000000000.0", -AMOUNT_NANOS_MAX),
    ],
)
def test_a_decimal_string_is_read_exactly(text: str, nanos: int) -> None:
    assert parse_usd(text) == nanos


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1.",
        ".5",
        "+1",
        "1e3",
        "1,000",
        "1_000",
        "0x10",
        "nan",
        "inf",
        "--1",
        "1.2.3",
        "\u0661",
        "1\n",
        "1" * 13,
    ],
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="decimal number") as refused:
        parse_usd(text, field="price")
    assert refused.value.field == "price"


def test_more_decimals_than_a_nano_are_refused_and_zeros_are_not_counted() -> None:
    with pytest.raises(InvalidValue, match="more than 9 decimals"):
        parse_usd("0.0000000001")
    assert parse_usd("0.000000001000") == 1


@pytest.mark.parametrize("text", ["1000000000.000000001", "-1000000000.000000001", "999999999999"])
def test_an_amount_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="out of range"):
        parse_usd(text)


def test_a_price_is_not_negative_and_has_no_more_decimals_than_its_unit() -> None:
    with pytest.raises(InvalidValue, match="negative") as refused:
        parse_price_picos("-0.25", decimals=6, field="price.input")
    assert refused.value.field == "price.input"
    with pytest.raises(InvalidValue, match="more than 6 decimals"):
        parse_price_picos("0.0000001", decimals=6, field="price.input")


@given(st.integers(-(10**30), 10**30))
def test_the_ceiling_is_the_smallest_number_of_nanos_that_covers(picos: int) -> None:
    nanos = ceil_picos_to_nanos(picos)
    assert 0 <= nanos * PICOS_PER_NANO - picos < PICOS_PER_NANO


def test_a_dollar_is_a_million_million_picos() -> None:
    assert ceil_picos_to_nanos(PICOS_PER_USD) == parse_usd("1")
