"""Names of tools in namespaces: within every vendor's bounds, different from each other, and mapped back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.responses.namespaces import NAME_LENGTH_MAX, Namespaces

_NAMES = st.text("ab_-.7é", min_size=1, max_size=50)
_PAIRS = st.lists(st.tuples(_NAMES, _NAMES), max_size=6)


def test_a_name_is_made_of_both() -> None:
    names = Namespaces([("crm", "list")], ["list"])
    assert names.flat("crm", "list") == "crm__list"
    assert names.flat(None, "list") == names.flat("", "list") == "list"
    assert names.originals == {"crm__list": ("crm", "list")}


@pytest.mark.parametrize("pair", [("n" * 60, "f" * 60), ("a.b", "c"), ("7", "f"), ("é", "f"), ("-", "f")])
def test_a_name_that_does_not_fit_ends_in_a_digest(pair: tuple[str, str]) -> None:
    flat = Namespaces([pair]).flat(*pair)
    assert re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}", flat)
    assert flat == Namespaces([("x", "y"), pair]).flat(*pair)


def test_names_that_would_be_the_same_both_end_in_a_digest_in_any_order() -> None:
    pairs = [("a", "b__c"), ("a__b", "c")]
    one, other = Namespaces(pairs), Namespaces(reversed(pairs))
    assert one.originals == other.originals
    assert len(one.originals) == 2
    assert "a__b__c" not in one.originals


def test_a_plain_tool_keeps_its_name() -> None:
    first = Namespaces([("a", "b")], ["a__b"]).flat("a", "b")
    assert first.startswith("a_b_")
    assert Namespaces([("a", "b")], ["a__b", first]).flat("a", "b") not in ("a__b", first)


def test_a_call_of_a_tool_that_is_no_longer_offered_has_a_name_of_its_own() -> None:
    names = Namespaces([("a", "b__c")])
    assert names.flat("a__b", "c") not in ("a__b__c", names.flat("a", "b__c"))


@given(_PAIRS, st.lists(_NAMES, max_size=3), _PAIRS)
def test_names_are_valid_and_unambiguous(
    pairs: list[tuple[str, str]], plain: list[str], earlier: list[tuple[str, str]]
) -> None:
    names = Namespaces(pairs, plain)
    flats = {pair: names.flat(*pair) for pair in (*pairs, *earlier)}
    assert len(set(flats.values()) | set(plain)) == len(flats) + len(set(plain))
    assert names.originals == {flat: pair for pair, flat in flats.items()}
    assert all(
        re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_-]*", flat) and len(flat) <= NAME_LENGTH_MAX for flat in flats.values()
    )


def test_a_bare_name_in_an_answer_is_mapped_back_if_only_one_tool_has_it() -> None:
    names = Namespaces([("a", "go"), ("a", "run"), ("b", "run"), ("b", "list")], ["list"])
    names.flat("c", "gone")
    assert {name: pair for name, pair in names.in_answers.items() if name not in names.originals} == {"go": ("a", "go")}
    assert names.in_answers.items() >= names.originals.items()
