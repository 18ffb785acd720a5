from __future__ import annotations

import json
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.exchange import RequestError
from app.wire.json_outline import DEPTH_MAX, PIECES_MAX, top_level_names

KEYS = st.text(st.sampled_from('ab"\\:{[ \u00e9'), max_size=4)
JSON = st.recursive(
    st.none() | st.integers() | KEYS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=12
)


@given(st.dictionaries(KEYS, JSON), st.booleans(), st.sampled_from([None, 1]))
def test_names_are_counted_whatever_the_values_contain(
    fields: dict[str, object], ascii_only: bool, indent: int | None
) -> None:
    names = top_level_names(json.dumps(fields, ensure_ascii=ascii_only, indent=indent).encode())
    assert len(names) == len(fields)
    plain = [name for name in fields if '"' not in name and "\\" not in name]
    assert [name for name in names if name in plain] == plain


def test_a_repeated_name_is_seen_in_any_spelling() -> None:
    assert top_level_names(b'{"n":1,"x":{"n":2},"\\u006e" :3,"y":["n"]}') == ["n", "x", "n", "y"]


@pytest.mark.parametrize("body", [b"", b"5", b'"n":1', b'["n", {"n":1}]', b"]]]"])
def test_a_value_other_than_an_object_has_no_names(body: bytes) -> None:
    assert top_level_names(body) == []


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"\\\\":[', b" [ "])
def test_depth_is_limited(opening: bytes) -> None:
    levels = DEPTH_MAX // (opening.count(b"[") + opening.count(b"{"))
    top_level_names(opening * levels)
    with pytest.raises(RequestError, match="nested deeper"):
        top_level_names(opening * levels + b"[")
    with pytest.raises(RequestError, match="nested deeper"):
        top_level_names(opening * 10_000)


def test_brackets_inside_strings_do_not_count_as_depth() -> None:
    assert top_level_names(b'{"a":"' + b"[" * 10_000 + b'\\"[\\\\"}') == ["a"]


@pytest.mark.parametrize("body", [b"[]" * PIECES_MAX, b'""' * PIECES_MAX], ids=["brackets", "strings"])
def test_the_number_of_values_and_the_time_are_limited(body: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(RequestError, match="more than"):
        top_level_names(body)
    assert time.process_time() - begun < 5


def test_a_name_with_half_a_surrogate_is_not_json() -> None:
    with pytest.raises(msgspec.DecodeError):
        top_level_names(b'{"\\ud800":1}')
