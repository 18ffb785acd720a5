"""The demand of one request: a value that never changes, and an estimate of its input."""

from __future__ import annotations

import msgspec
import pytest

from domain.demand import Demand
from domain.usage import TOKENS_PER_FILE, TOKENS_PER_IMAGE, TOKENS_PER_PAGE


def test_a_demand_never_changes() -> None:
    demand = Demand(text_bytes=8)
    with pytest.raises(AttributeError):
        demand.text_bytes = 9  # type: ignore[misc]
    assert msgspec.structs.replace(demand, pages=2).pages == 2
    assert demand == Demand(text_bytes=8)


def test_the_estimate_counts_text_images_and_files() -> None:
    assert Demand(text_bytes=9).estimated_tokens == 3
    assert Demand(text_bytes=8, images=2).estimated_tokens == 2 + 2 * TOKENS_PER_IMAGE
    assert Demand(text_bytes=0, files=2).estimated_tokens == 2 * TOKENS_PER_FILE
    assert Demand(text_bytes=0, files=2, pages=7).estimated_tokens == 7 * TOKENS_PER_PAGE
