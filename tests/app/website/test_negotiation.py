"""Accept-Encoding and If-None-Match, as RFC 9110 has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.website.negotiation import ACCEPT_LENGTH_MAX, choose, is_known

ALL = ("br", "gzip", "identity")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "identity"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP", "gzip"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br;q=0.5, gzip;q=0.5", "br"),
        ("br; q=0.1", "br"),
        ("br;q=0", "identity"),
        ("br;q=0.000, gzip", "gzip"),
        ("*", "br"),
        ("*;q=0.3, br;q=0", "gzip"),
        ("gzip;q=0.001", "gzip"),
        ("identity", "identity"),
        ("identity, br;q=0.9", "identity"),
        ("identity;q=0, gzip", "gzip"),
        ("*;q=0", "identity"),
        ("identity;q=0", "identity"),
        ("deflate", "identity"),
        ("br;q=2, gzip", "gzip"),
        ("br;q=abc", "identity"),
        ("br;level=1", "identity"),
        (", ,br,", "br"),
        ("br" + " " * ACCEPT_LENGTH_MAX, "identity"),
    ],
)
def test_the_encoding_is_the_one_that_is_preferred(accept: str, chosen: str) -> None:
    assert choose(accept, ALL) == chosen


def test_what_is_not_offered_is_not_chosen() -> None:
    assert choose("br, gzip;q=0.1", ("gzip", "identity")) == "gzip"
    assert choose("br, gzip", ("identity",)) == "identity"


WEIGHTS = st.integers(0, 1000).map(lambda thousandths: f"{thousandths / 1000:.3f}")


@given(st.dictionaries(st.sampled_from([*ALL, "zstd", "deflate"]), WEIGHTS))
def test_nothing_that_is_offered_was_wanted_more(weights: dict[str, str]) -> None:
    chosen = choose(", ".join(f"{name};q={weight}" for name, weight in weights.items()), ALL)
    wanted = {name: float(weights.get(name, 0)) for name in ALL}
    assert wanted[chosen] == max(wanted.values())


@given(st.text(max_size=80))
def test_any_header_gets_one_of_the_three(accept: str) -> None:
    assert choose(accept, ALL) in ALL


@pytest.mark.parametrize("header", ['"abc"', 'W/"abc"', '"x", "abc"', 'W/"x",W/"abc"', "*", " * "])
def test_what_the_client_has_is_known(header: str) -> None:
    assert is_known(header, "abc")


@pytest.mark.parametrize("header", ["", "abc", '"ab"', '"abcd"', '"x*"', '"abc', "W/abc"])
def test_another_tag_is_not(header: str) -> None:
    assert not is_known(header, "abc")
