"""What one answer used, in counts."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.usage import BYTES_PER_TOKEN, Usage, estimate_tokens
from tests.domain.strategies import uses


@given(uses())
def test_kinds_are_disjoint_and_reasoning_is_not_counted_again(usage: Usage) -> None:
    assert usage.input_tokens == (
        usage.input + usage.cached_input + usage.cache_write + usage.cache_write_1h + usage.image_input
    )
    assert usage.output_tokens == usage.output + usage.image_output
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert msgspec.structs.replace(usage, reasoning=0).total_tokens == usage.total_tokens


@given(uses())
def test_it_survives_json_and_leaves_out_what_is_not_there(usage: Usage) -> None:
    encoded = msgspec.json.encode(usage)
    assert msgspec.json.decode(encoded, type=Usage) == usage
    assert msgspec.json.encode(Usage()) == b"{}"


@given(st.integers(0, 10**9))
def test_an_estimate_is_the_smallest_number_of_tokens_that_covers_the_bytes(text_bytes: int) -> None:
    assert 0 <= estimate_tokens(text_bytes) * BYTES_PER_TOKEN - text_bytes < BYTES_PER_TOKEN
