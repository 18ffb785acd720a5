"""Members of an upstream's JSON: absent ones are empty, those of the wrong type make the answer malformed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.wire.exchange import AnswerError
from app.wire.responses.values import json_text, number, object_in, objects, text

ABSENT: tuple[Any, ...] = (None, "", False, {}, [])


@pytest.mark.parametrize(("read", "empty", "value"), [(text, "", "a"), (number, 0, 3), (object_in, {}, {"a": 1})])
def test_an_absent_value_is_empty_and_others_are_read(read: Callable[[Any], Any], empty: Any, value: Any) -> None:
    assert [read(absent) for absent in ABSENT] == [empty] * 5
    assert read(value) == value


def test_a_list_of_objects_may_contain_null() -> None:
    assert [objects(absent) for absent in ABSENT] == [[]] * 5
    assert objects([{"a": 1}, None]) == [{"a": 1}, {}]


def test_a_whole_number_in_another_spelling_and_a_text_given_as_an_object() -> None:
    assert number(2.0) == 2
    assert [json_text(value) for value in ({"a": 1}, [1], "x", None)] == ['{"a":1}', "[1]", "x", ""]


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (text, 1),
        (number, "1"),
        (number, True),
        (number, -1),
        (number, 10**9 + 1),
        (number, 1.5),
        (object_in, [1]),
        (objects, {"a": 1}),
        (objects, ["a"]),
    ],
)
def test_a_value_of_the_wrong_type_is_malformed(read: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(AnswerError) as caught:
        read(value)
    assert caught.value.malformed
