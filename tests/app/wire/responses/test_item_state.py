"""The state kept for an item is limited."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.wire.exchange import AnswerError
from app.wire.responses.item_state import PLACES_MAX
from tests.support.wire.responses.upstream_events import cited, delta, of, reader

Json = dict[str, Any]


@pytest.mark.parametrize(
    "tell",
    [
        lambda index: delta("", part=index),
        lambda index: of("reasoning_summary_text.delta", output_index=0, summary_index=index, delta=""),
        lambda index: of(
            "output_text.annotation.added", output_index=0, annotation_index=index, annotation=cited(0, 1)
        ),
    ],
)
def test_the_parts_of_an_item_are_limited(tell: Callable[[int], Json]) -> None:
    read = reader()
    for index in range(PLACES_MAX):
        read.frame("", json.dumps(tell(index)).encode())
    with pytest.raises(AnswerError) as caught:
        read.frame("", json.dumps(tell(PLACES_MAX)).encode())
    assert caught.value.malformed
