"""Amounts in the smallest unit: exact, as the processor takes them, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.currency import AMOUNT_MINOR_MAX, format_minor, minor_digits, parse_minor, usd_nanos
from domain.errors import InvalidValue
from domain.money import parse_usd


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("10.00", "usd", 1000),
        ("10", "usd", 1000),
        ("0.5", "eur", 50),
        ("500", "jpy", 500),
        ("1.230", "kwd", 1230),
        ("5.00", "isk", 500),
    ],
)
def test_a_price_is_read_in_the_currencys_own_unit(text: str, currency: str, minor: int) -> None:
    assert parse_minor(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("0", "usd"),
        ("-1", "usd"),
        ("10.001", "usd"),
        ("1.5", "jpy"),
        ("1.235", "kwd"),
        ("5.50", "isk"),
        ("1000000.00", "usd"),
        ("ten", "usd"),
    ],
)
def test_a_price_that_cannot_be_charged_is_refused(text: str, currency: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse_minor(text, currency)
    assert refused.value.field == "price"


@given(st.integers(1, AMOUNT_MINOR_MAX), st.sampled_from(["usd", "eur", "jpy"]))
def test_what_is_written_is_read_back(minor: int, currency: str) -> None:
    text = format_minor(minor, currency)
    assert parse_minor(text, currency) == minor
    assert len(text.partition(".")[2]) == minor_digits(currency)


@given(st.integers(1, AMOUNT_MINOR_MAX))
def test_cents_are_nanos(minor: int) -> None:
    assert usd_nanos(minor) == parse_usd(format_minor(minor, "usd"))
