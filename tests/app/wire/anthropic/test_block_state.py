from __future__ import annotations

from typing import Any

import pytest

from app.wire.anthropic.block_state import encoded, id_of, list_of, text_of
from app.wire.exchange import AnswerError


@pytest.mark.parametrize("read", [text_of, list_of])
def test_a_member_that_is_absent_or_null_is_empty(read: Any) -> None:
    assert not read({}, "x")
    assert not read({"x": None}, "x")


@pytest.mark.parametrize(
    ("read", "wrong"), [(text_of, 3), (text_of, []), (list_of, "x"), (list_of, {}), (id_of, None), (id_of, "")]
)
def test_a_member_of_the_wrong_type_is_malformed(read: Any, wrong: Any) -> None:
    with pytest.raises(AnswerError) as caught:
        read({"x": wrong}, "x")
    assert caught.value.malformed


def test_a_value_that_is_nested_too_deeply_is_malformed() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(AnswerError) as caught:
        encoded(deep)
    assert caught.value.malformed
