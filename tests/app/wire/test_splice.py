from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.splice import StringSplicer, members, with_members


@pytest.mark.parametrize(
    ("payload", "spliced"),
    [
        (b'{"model":"old","a":1.00}', b'{"model":"new","a":1.00}'),
        (b'{ "a" : 1 , "model" : "old" }', b'{ "a" : 1 , "model" : "new" }'),
        (b'{"model":""}', b'{"model":"new"}'),
        (b'{"text":"\\"model\\":\\"x\\"","model":"old"}', b'{"text":"\\"model\\":\\"x\\"","model":"new"}'),
    ],
)
def test_a_member_whose_position_is_certain_is_spliced(payload: bytes, spliced: bytes) -> None:
    assert StringSplicer("model", "new").replace(payload) == spliced


@pytest.mark.parametrize(
    ("payload", "encoded"),
    [
        (b'{"x":{"model":"in"}, "model":"old"}', b'{"x":{"model":"in"},"model":"new"}'),
        (b'{"model":"a", "model":"b"}', b'{"model":"new"}'),
        (b'{"x":{"model":"in"}, "mod\\u0065l":"old"}', b'{"x":{"model":"in"},"model":"new"}'),
        (b'{"mod\\u0065l":"old"}', b'{"model":"new"}'),
        (b'{"model":"o\\"ld", "y" :  1.0}', b'{"model":"new","y":1.0}'),
        (b'{"kind":"model", "model":"old"}', b'{"kind":"model","model":"new"}'),
        (b'{"text":"\\"model", "model":"old"}', b'{"text":"\\"model","model":"new"}'),
    ],
)
def test_a_member_whose_position_is_uncertain_is_encoded(payload: bytes, encoded: bytes) -> None:
    assert StringSplicer("model", "new").replace(payload) == encoded


def test_the_remembered_head_serves_only_payloads_that_begin_with_it() -> None:
    splicer = StringSplicer("model", "n\u00e9w")
    for payload, spliced in (
        (b'{"model":"old","a":1}', '{"model":"n\u00e9w","a":1}'),
        (b'{"model":"old","a":{"model":"in"}}', '{"model":"n\u00e9w","a":{"model":"in"}}'),
        (b'{"model":"older","a":1}', '{"model":"n\u00e9w","a":1}'),
        (b'{"a":{"model":"old"},"model":"old"}', '{"a":{"model":"old"},"model":"n\u00e9w"}'),
    ):
        assert splicer.replace(payload) == spliced.encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["model", "m", '"model"']) | st.text(), inner),
    max_leaves=10,
)


@given(
    st.lists(st.dictionaries(st.text(max_size=3), JSON), min_size=1, max_size=4),
    st.text(),
    st.booleans(),
    st.booleans(),
)
def test_only_the_member_changes(objects: list[dict[str, object]], model: str, ascii_only: bool, spaced: bool) -> None:
    splicer = StringSplicer("model", "new")
    for fields in objects:
        separators = (", ", ": ") if spaced else (",", ":")
        payload = json.dumps({**fields, "model": model}, ensure_ascii=ascii_only, separators=separators).encode()
        assert json.loads(splicer.replace(payload)) == {**fields, "model": "new"}


def test_members_keep_their_order_and_their_bytes() -> None:
    fields = members.decode(b'{"b": 1.50, "a": [ 1 ], "c": "\\u00e9"}')
    assert (
        with_members(fields, {"a": msgspec.Raw(b"2"), "d": msgspec.Raw(b"3")})
        == b'{"b":1.50,"a":2,"c":"\\u00e9","d":3}'
    )
