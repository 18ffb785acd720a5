"""Exact numbers, and names that stay names."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.exports.texts import cell, component, date, fixed, instant, line, second

BLANK = "\t \xa0\u3000\u200b\ufeff"
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
HOSTILE = st.one_of(st.text(), st.text(alphabet=f"{BLANK}{''.join(FORMULA)};\uff1b,'\"\r\nx1"))
ONE_LESS = re.compile(r"(?:^|(?<=[;\uff1b]))'(?=['\"\s\u200b-\u200f\u2060\ufeff]*[-=+@\uff1d\uff0b\uff0d\uff20])")
"""As ops/reference.md says how a text is had again."""


@given(st.integers(-(10**30), 10**30), st.integers(0, 12))
def test_a_number_has_all_of_its_decimals(value: int, decimals: int) -> None:
    text = fixed(value, decimals)
    assert int(text.replace(".", "")) == value
    assert len(text.partition(".")[2]) == decimals


def test_instants_are_utc_to_the_microsecond() -> None:
    assert instant(1_764_000_000_000_001) == "2025-11-24T16:00:00.000001Z"
    assert second(1_764_000_000_999_999) == "2025-11-24T16:00:00Z"
    assert date(1_764_000_000_000_001) == "2025-11-24"


@given(HOSTILE)
def test_a_cell_is_one_text_and_no_formula(text: str) -> None:
    [row] = csv.reader(io.StringIO(f"{cell(text)},end\n"), strict=True)
    assert row[1] == "end"
    assert ONE_LESS.sub("", row[0]) == line(text)
    assert not row[0].lstrip().startswith(FORMULA)
    assert "\n" not in row[0]


@given(HOSTILE, HOSTILE)
def test_no_cell_is_a_formula_where_the_separator_is_a_semicolon(one: str, other: str) -> None:
    told = f"{cell(one)},1,{cell(other)},2\n"
    [row] = csv.reader(io.StringIO(told), delimiter=";")
    for each in (*row, *told.split(";"), *told.split("\uff1b")):
        assert not each.lstrip(f'"{BLANK}').startswith(FORMULA)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        *((text, f"'{text}") for text in ("=1+1", "+1", "-1", "@a", "\uff1d1", " =1", "\xa0=1", "\ufeff=1", "'=1")),
        *((f"{control}=1", "' =1") for control in "\t\r\n"),
        ("x;=HYPERLINK(1)", "x;'=HYPERLINK(1)"),
        ("x; \u3000=1;;-1", "x;' \u3000=1;;'-1"),
        ("x\uff1b\uff0b1", "x\uff1b'\uff0b1"),
        ('x;"=1', '"x;\'""=1"'),
        ("a=1; b-2; it's", "a=1; b-2; it's"),
    ],
)
def test_what_a_spreadsheet_would_compute_has_an_apostrophe_before_it(text: str, told: str) -> None:
    assert cell(text) == told


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_names_are_two_components(one: str, other: str) -> None:
    assert (component(one) == component(other)) == (one == other)


@given(st.text())
def test_a_component_is_letters_digits_and_hyphens(name: str) -> None:
    assert component(name).replace("-", "").isalnum()
    assert component(name).isascii()


def test_usual_ids_stay_legible() -> None:
    assert component("acct_01JZ") == "Id-acct--01JZ"
    assert component("a.b-ë") == "Id-a-2eb-2d-c3-ab"
