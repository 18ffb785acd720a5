"""A call's arguments as an object: what a model wrote comes back even if it is none."""

from __future__ import annotations

import pytest

from app.wire.arguments import INVALID, arguments_object


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", {}),
        (" \n", {}),
        ("null", {}),
        ("{}", {}),
        (' {"a": 1, "a": 2}', {"a": 2}),
        ('{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
    ],
)
def test_an_object_is_itself_and_nothing_is_an_empty_one(arguments: str, expected: object) -> None:
    assert arguments_object(arguments) == expected


@pytest.mark.parametrize("arguments", ['{"city": "Par', "[1]", "1", '"x"', "{}{}", '{"a": NaN}', '{"a":' * 100_000])
def test_anything_else_is_sent_inside_an_object(arguments: str) -> None:
    assert arguments_object(arguments) == {INVALID: arguments}
