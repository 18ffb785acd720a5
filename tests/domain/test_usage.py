"""The usage of one answer, in counts."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.usage import (
    BYTES_PER_TOKEN,
    TOKENS_PER_FILE,
    TOKENS_PER_IMAGE,
    TOKENS_PER_PAGE,
    CallCount,
    Usage,
    estimate_read,
    estimate_tokens,
)
from tests.support.domain.strategies import uses


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


def test_a_usage_of_an_older_version_reads_as_one_without_calls() -> None:
    older = msgspec.json.decode(b'{"input":3,"web_search_calls":1,"service_tier":"default"}', type=Usage)
    assert older == Usage(input=3, web_search_calls=1, service_tier="default")
    assert older.calls == ()
    newer = Usage(calls=(CallCount("mcp", 2),))
    assert msgspec.json.encode(newer) == b'{"calls":[{"tool":"mcp","count":2}]}'


def test_what_was_read_is_estimated_by_page_where_pages_are_known() -> None:
    assert estimate_read(9) == 3
    assert estimate_read(8, images=2) == 2 + 2 * TOKENS_PER_IMAGE
    assert estimate_read(0, files=2) == 2 * TOKENS_PER_FILE
    assert estimate_read(0, files=2, pages=7) == 7 * TOKENS_PER_PAGE
    assert estimate_read(0, files=0, pages=0) == 0
