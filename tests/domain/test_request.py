"""Requests: the most that one can cost, its admission, and its one settlement."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import request
from domain.buckets import MICROS_PER_DAY, Guard
from domain.catalog import Model
from domain.demand import TOOL_CALLS_DEFAULT, Demand
from domain.errors import (
    AccountIsFrozen,
    InsufficientQuota,
    KeyIsExpired,
    KeyIsRevoked,
    ModelNotAllowed,
    RateLimited,
)
from domain.events import KeyLimits, RequestAdmitted
from domain.postings import movements
from domain.pricing import Bounds, PriceList, hold_ceiling, parse_prices, price_usage
from domain.request import (
    ADDED_TOKENS_MAX,
    ADDED_TOKENS_WITH_TOOLS_MAX,
    IMAGE_TOKENS_MAX,
    TOKENS_PER_PAGE_MAX,
    AnswerSource,
    Hold,
    Quote,
    bounds_of,
)
from domain.usage import TOKENS_PER_PAGE, Usage
from tests.support.domain.strategies import bounds, holds, price_lists, reasons, texts, uses

PRICES = parse_prices({"input": "1", "output": "2", "web_search_call": "0.01", "image": "0.04"})
MODEL = Model(
    id="m",
    upstreams=("u",),
    upstream_model="m-1",
    tools=frozenset({"web_search", "image_generation"}),
    input_modalities=("text",),
    output_modalities=("text",),
    context_window=50_000,
    max_output_tokens=1_000,
    prices=PRICES,
)
AT_MICROS = 1_763_870_415_000_000
"""15 s into a minute."""


PLAIN = 10 + ADDED_TOKENS_MAX
TOOLED = 10 + ADDED_TOKENS_WITH_TOOLS_MAX
"""The tokens held for ten bytes of text."""


def bounded(*, text_bytes: int = 10, tools: tuple[str, ...] = (), **more: Any) -> Bounds:
    limits: dict[str, Any] = {"max_output_tokens": 5, "max_tool_calls": 3}
    return bounds_of(MODEL, Demand(text_bytes=text_bytes, tools=frozenset(tools), **(limits | more)))


def test_a_token_is_held_for_per_byte_of_text() -> None:
    assert bounded() == Bounds(input_tokens=PLAIN, output_tokens=5)
    assert bounded(text_bytes=11).input_tokens == PLAIN + 1


def test_what_vendors_add_to_a_conversation_is_held_for() -> None:
    """Anthropic documents up to 530 tokens for tools, even for a request of less than 200 bytes."""
    assert bounded(tools=("function",)).input_tokens == bounded(shaped=True).input_tokens == TOOLED
    assert ADDED_TOKENS_WITH_TOOLS_MAX > 2 * 530


def test_an_image_is_held_for_as_its_model_counts_it() -> None:
    mini = dataclasses.replace(MODEL, upstream_model="gpt-4o-mini-2024-07-18", context_window=128_000)
    bounds = bounds_of(mini, Demand(text_bytes=10, images=1))
    assert bounds.input_tokens >= 2_833 + 8 * 5_667


def test_an_image_is_held_for_at_more_than_vendors_count() -> None:
    assert bounded(images=2).input_tokens == PLAIN + 2 * IMAGE_TOKENS_MAX


def test_no_request_reads_or_writes_more_than_the_model_can() -> None:
    assert bounded(text_bytes=10**9).input_tokens == MODEL.context_window
    assert bounded(max_output_tokens=10**9).output_tokens == MODEL.max_output_tokens
    assert bounded(max_output_tokens=None).output_tokens == MODEL.max_output_tokens


def test_what_a_file_or_a_search_brings_is_unknown() -> None:
    assert bounded(files=1).input_tokens == MODEL.context_window
    searching = bounded(tools=("web_search",))
    assert (searching.input_tokens, searching.tool_calls, searching.web_search, searching.images) == (
        MODEL.context_window,
        3,
        True,
        False,
    )


def test_tools_without_a_price_are_not_counted_as_calls() -> None:
    assert bounded(tools=("function",)).tool_calls == 0
    drawing = bounded(tools=("image_generation",))
    assert (drawing.tool_calls, drawing.images, drawing.input_tokens) == (3, True, MODEL.context_window)


def test_pages_that_are_known_are_held_for_one_by_one() -> None:
    assert bounded(files=2, pages=3).input_tokens == PLAIN + 3 * TOKENS_PER_PAGE_MAX
    assert bounded(files=1, pages=3, images=1).input_tokens == PLAIN + 3 * TOKENS_PER_PAGE_MAX + IMAGE_TOKENS_MAX
    assert bounded(files=1, pages=10**9).input_tokens == MODEL.context_window
    assert bounded(files=1, pages=None).input_tokens == MODEL.context_window
    assert bounded(files=1, pages=3, tools=("web_search",)).input_tokens == MODEL.context_window
    assert bounded(files=0, pages=None).input_tokens == PLAIN


def test_a_page_is_held_for_at_more_than_a_dense_one_is_estimated_at() -> None:
    assert TOKENS_PER_PAGE_MAX > TOKENS_PER_PAGE


@pytest.mark.parametrize(
    ("tool", "input_tokens", "calls"),
    [
        ("custom", TOOLED, ("custom",)),
        ("computer_use", TOOLED, ("computer_use",)),
        ("code_interpreter", MODEL.context_window, ("code_interpreter",)),
        ("mcp", MODEL.context_window, ("mcp",)),
    ],
)
def test_other_tools_are_calls_and_those_that_the_upstream_runs_read(
    tool: str, input_tokens: int, calls: tuple[str, ...]
) -> None:
    within = bounded(tools=("function", tool))
    assert (within.input_tokens, within.calls, within.tool_calls) == (input_tokens, calls, 3)
    assert (within.web_search, within.images) == (False, False)


def test_a_tool_search_is_free_but_the_model_reads_what_it_finds() -> None:
    bounds = bounded(tools=("tool_search",))
    assert (bounds.tool_calls, bounds.calls) == (0, ())
    assert bounds.input_tokens == bounded(tools=("mcp",)).input_tokens


def test_a_namespace_is_called_by_what_is_in_it() -> None:
    assert bounded(tools=("namespace", "function")) == bounded(tools=("function",))
    assert bounded(tools=("namespace", "custom")).calls == ("custom",)


def test_without_a_limit_each_choice_may_call_a_priced_tool() -> None:
    assert bounded(tools=("web_search",), max_tool_calls=None).tool_calls == TOOL_CALLS_DEFAULT
    assert bounded(tools=("web_search",), max_tool_calls=None, choices=20).tool_calls == 20
    assert bounded(tools=("web_search",), max_tool_calls=2, choices=20).tool_calls == 2


def test_the_bounds_name_the_requested_tier() -> None:
    assert bounded().service_tier is None
    assert bounded(service_tier="flex").service_tier == "flex"


def test_a_key_expires_at_its_instant() -> None:
    limits = KeyLimits(expires_at_micros=AT_MICROS)
    request.check_key(limits, "m", AT_MICROS - 1)
    with pytest.raises(KeyIsExpired):
        request.check_key(limits, "m", AT_MICROS)


def test_a_key_may_name_its_models() -> None:
    request.check_key(KeyLimits(models=("m",)), "m", AT_MICROS)
    request.check_key(KeyLimits(), "m", AT_MICROS)
    with pytest.raises(ModelNotAllowed):
        request.check_key(KeyLimits(models=("m",)), "n", AT_MICROS)


class Payer(NamedTuple):
    account_id: str
    key_id: str
    limits: KeyLimits


def admitted(limits: KeyLimits, within: Bounds) -> tuple[RequestAdmitted, tuple[Guard, ...]]:
    return request.admit(
        request_id="r",
        payer=Payer("a", "k", limits),
        quote=Quote(MODEL, 3, within),
        endpoint="responses",
        instance_id="i",
        deadline_at_micros=AT_MICROS,
    )


@given(bounds)
def test_an_admission_holds_the_ceiling_and_reserves_the_tokens(within: Bounds) -> None:
    event, _ = admitted(KeyLimits(), within)
    assert event.hold_nanos == hold_ceiling(PRICES, within)
    assert event.reserved_tokens == within.tokens
    assert (event.model, event.price_version) == ("m", 3)


def test_guards_are_those_of_the_account_and_the_keys_own_limits() -> None:
    always = (
        Guard("frozen:a", ceiling=0),
        Guard("revoked:k", ceiling=0),
        Guard("available:a", floor=0),
    )
    assert admitted(KeyLimits(), Bounds(1, 1))[1] == always
    limits = KeyLimits(budget_nanos_per_month=7, requests_per_minute=8, tokens_per_minute=9, concurrency=10)
    assert admitted(limits, Bounds(1, 1))[1] == (
        *always,
        Guard("spend:k", "month", ceiling=7),
        Guard("requests:k", "minute", ceiling=8),
        Guard("tokens:k", "minute", ceiling=9),
        Guard("open:k", ceiling=10),
    )


LIMITS = KeyLimits(budget_nanos_per_month=100, requests_per_minute=60, tokens_per_minute=5_000, concurrency=4)


def refused(bucket: str, value: int, within: Bounds | None = None) -> Exception:
    event, _ = admitted(LIMITS, within or Bounds(10, 5))
    return request.refusal(event, LIMITS, bucket, value, AT_MICROS)


def test_a_refusal_by_a_bucket_is_reported_in_the_callers_terms() -> None:
    assert isinstance(refused("frozen:a", 1), AccountIsFrozen)
    assert isinstance(refused("revoked:k", 1), KeyIsRevoked)
    money = refused("available:a", 42)
    assert isinstance(money, InsufficientQuota)
    assert (money.available_nanos, money.budget) == (42, False)
    budget = refused("spend:k:2025-11", 30)
    assert isinstance(budget, InsufficientQuota)
    assert (budget.available_nanos, budget.budget) == (70, True)


def test_a_refusal_by_a_rate_names_what_is_left_and_the_wait() -> None:
    for bucket, value, expected in [
        ("open:k", 4, ("open requests", 4, 1, 0, 1)),
        ("requests:k:2025-11-23T04:00", 60, ("requests per minute", 60, 1, 0, 45)),
        ("tokens:k:2025-11-23T04:00", 4_999, ("tokens per minute", 5_000, 15, 1, 45)),
    ]:
        rate = refused(bucket, value)
        assert isinstance(rate, RateLimited)
        assert (rate.what, rate.limit, rate.needed, rate.available, rate.retry_after_seconds) == expected


def test_a_request_larger_than_a_whole_window_names_no_wait() -> None:
    rate = refused("tokens:k:2025-11-23T04:00", 0, Bounds(10_000, 0))
    assert isinstance(rate, RateLimited)
    assert rate.retry_after_seconds is None


@pytest.mark.parametrize("bucket", ["spend:k:2025-11", "open:k", "requests:k:x"])
def test_a_limit_that_was_lifted_meanwhile_still_makes_a_sentence(bucket: str) -> None:
    event, _ = admitted(KeyLimits(), Bounds(1, 1))
    assert str(request.refusal(event, KeyLimits(), bucket, 5, AT_MICROS))


@given(holds, price_lists, uses(), texts)
def test_a_debit_charges_in_full_and_names_the_part_above_the_hold(
    hold: Hold, prices: PriceList, usage: Usage, upstream: str
) -> None:
    event = request.debit(
        hold,
        prices=prices,
        usage=usage,
        source=AnswerSource(upstream, response_id="resp"),
        finish="stop",
    )
    assert (event.upstream, event.upstream_request_id, event.response_id) == (upstream, None, "resp")
    assert event.cost_nanos == price_usage(prices, usage).amount_nanos
    assert event.overrun_nanos == max(0, event.cost_nanos - event.hold_nanos)
    assert event.outcome == "completed"
    assert (event.hold_nanos, event.reserved_tokens, event.admitted_at_micros) == (
        hold.admitted.hold_nanos,
        hold.admitted.reserved_tokens,
        hold.recorded_at_micros,
    )


@given(holds, st.none() | uses(), st.none() | price_lists, reasons)
def test_a_release_gives_the_hold_back_and_prices_what_was_delivered(
    hold: Hold, delivered: Usage | None, prices: PriceList | None, reason: str
) -> None:
    event = request.release(hold, reason=reason, delivered=delivered, prices=prices)
    assert event.hold_nanos == hold.admitted.hold_nanos
    assert event.delivered == (delivered or Usage())
    expected = price_usage(prices, delivered).amount_nanos if prices and delivered else 0
    assert event.delivered_nanos == expected


@given(holds, uses(), st.integers(0, 3 * MICROS_PER_DAY))
def test_free_cancellations_are_bounded_in_the_bucket_that_the_release_moves(
    hold: Hold, used: Usage, later: int
) -> None:
    guard = request.free_cancellation_guard(hold, 7)
    event = request.release(hold, reason="cancelled", delivered=used, prices=PRICES)
    moved = dict(movements(event, hold.recorded_at_micros + later))
    assert (guard.name(hold.recorded_at_micros + later) in moved) == (event.delivered_nanos > 0)
    assert guard.ceiling == 7


def test_a_conversation_that_may_be_compacted_is_bounded_by_two_windows() -> None:
    assert bounded(compacts=True).input_tokens == 2 * MODEL.context_window
    assert bounded(compacts=True, files=1).input_tokens == 2 * MODEL.context_window
