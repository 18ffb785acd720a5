"""The token estimate: its pieces add up to the text, and its count lies within the bounds that holds rely on."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.upstream.simulator import tokens

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT)
def test_pieces_join_to_the_text_and_their_number_is_the_count(text: str) -> None:
    found = tokens.pieces(text)
    assert "".join(found) == text
    assert tokens.count(text) == len(found)


@given(TEXT)
def test_the_count_lies_between_a_quarter_of_the_bytes_and_the_bytes(text: str) -> None:
    size = len(text.encode())
    assert size / 4 <= tokens.count(text) <= size


@given(TEXT, st.integers(0, 50))
def test_cutting_a_text_keeps_its_pieces(text: str, kept: int) -> None:
    assert tokens.pieces(tokens.cut(text, kept)) == tokens.pieces(text)[:kept]


@given(TEXT, st.integers(1, 9))
def test_chunks_join_to_the_text(text: str, each: int) -> None:
    found = tokens.chunks(text, each)
    assert "".join(found) == text
    assert all(tokens.count(chunk) <= each * tokens.PIECE_BYTES_MAX for chunk in found)
    assert len(found) == -(-tokens.count(text) // each)


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("Hi", 1), ("Hello world.", 5), ("你好", 2), ("\x00\x00", 1), ("🙂🙂", 2)]
)
def test_counts_that_must_not_drift(text: str, count: int) -> None:
    assert tokens.count(text) == count


def test_counting_is_linear_in_the_text() -> None:
    began = time.process_time()
    assert tokens.count("a b, " * 200_000) >= 250_000
    assert time.process_time() - began < 5
