"""The simulator's sentences."""

from __future__ import annotations

import pytest

from app.upstream.simulator import prose, tokens


def test_a_quote_is_one_line() -> None:
    assert prose.quote(" a\n b\tc ") == "a b c"


def test_a_long_quote_is_shortened() -> None:
    quoted = prose.quote("word " * 100)
    assert len(quoted) <= prose.QUOTE_CHARS_MAX + 1
    assert quoted.endswith("…")


@pytest.mark.parametrize("wanted", [1, 3, 10, 200])
def test_a_text_is_cut_or_extended_to_an_exact_number_of_tokens(wanted: int) -> None:
    text = prose.exactly("This is a short text.", wanted)
    assert tokens.count(text) == wanted
    assert text.startswith("This")
