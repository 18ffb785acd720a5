"""Request members that both protocols share."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.wire.canonical import Hints
from app.wire.common_members import hints, number, optional
from app.wire.exchange import RequestError
from app.wire.splice import Members, members

_int = msgspec.json.Decoder(int)


def fields(**values: Any) -> Members:
    return members.decode(json.dumps(values))


@pytest.mark.parametrize("absent", [fields(), fields(seed=None)])
def test_absent_and_null_are_none(absent: Members) -> None:
    assert optional(absent, "seed", _int) is None
    assert number(absent, "seed", 0, 1) is None


def test_a_number_may_be_as_large_as_its_bounds() -> None:
    assert [number(fields(top_p=value), "top_p", 0, 1) for value in (0, 0.5, 1)] == [0, 0.5, 1]


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_number_outside_its_bounds_is_rejected(value: float) -> None:
    with pytest.raises(RequestError, match="from 0 to 1") as caught:
        number(fields(top_p=value), "top_p", 0, 1)
    assert caught.value.param == "top_p"


def test_hints_are_read() -> None:
    expected = Hints({"order": "17"}, "u", "s", "k", "24h")
    given = fields(
        metadata={"order": "17"},
        user="u",
        safety_identifier="s",
        prompt_cache_key="k",
        prompt_cache_retention="24h",
    )
    assert hints(given) == expected
    assert hints(fields()) == Hints()


@pytest.mark.parametrize(
    "metadata", [{str(number): "" for number in range(17)}, {"n" * 65: ""}, {"n": "v" * 513}, {"n": 1}, []]
)
def test_metadata_beyond_its_limits_is_rejected(metadata: Any) -> None:
    with pytest.raises(RequestError) as caught:
        hints(fields(metadata=metadata))
    assert (caught.value.param or "").startswith("metadata")
