"""Exact numbers, and names that stay names."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.exports.texts import cell, component, date, fixed, instant, line, second


@given(st.integers(-(10**30), 10**30), st.integers(0, 12))
def test_a_number_has_all_of_its_decimals(value: int, decimals: int) -> None:
    text = fixed(value, decimals)
    assert int(text.replace(".", "")) == value
    assert len(text.partition(".")[2]) == decimals


def test_instants_are_utc_to_the_microsecond() -> None:
    assert instant(1_764_000_000_000_001) == "2025-11-24T16:00:00.000001Z"
    assert second(1_764_000_000_999_999) == "2025-11-24T16:00:00Z"
    assert date(1_764_000_000_000_001) == "2025-11-24"


@given(st.text())
def test_a_cell_is_one_text_and_no_formula(text: str) -> None:
    [row] = csv.reader(io.StringIO(f"{cell(text)},end\n"), strict=True)
    assert row[1] == "end"
    assert row[0] == line(text) or row[0] == f"'{line(text)}"
    assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert "\n" not in row[0]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "\uff1d1"])
def test_what_a_spreadsheet_would_compute_begins_with_an_apostrophe(text: str) -> None:
    assert cell(text).startswith("'")


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
