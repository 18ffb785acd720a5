"""A chunk's choice may come without a delta: some servers finish so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.wire.canonical import CanonicalRequest, Target
from tests.protocols.translated.harness import READERS
from tests.support.wire.streams import chunk


def read(*frames: dict[str, Any]) -> list[Any]:
    request = CanonicalRequest(endpoint="responses", model="m", items=())
    reader = READERS["chat"](request, Target(upstream="up", model="vendor", max_output_tokens=100))
    return [event for frame in frames for event in reader.frame("", json.dumps(frame).encode())] + list(reader.end())


@pytest.mark.parametrize("delta", [{}, {"delta": None}])
def test_a_missing_delta_says_as_much_as_an_empty_one(delta: dict[str, Any]) -> None:
    empty, missing = chunk(finish="stop"), chunk(finish="stop")
    empty["choices"][0]["delta"] = {}
    del missing["choices"][0]["delta"]
    missing["choices"][0] |= delta
    assert read(chunk("a"), missing) == read(chunk("a"), empty)
