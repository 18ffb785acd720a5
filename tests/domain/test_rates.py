"""Rates as headers report them: the figures, the kinds, and the format of a duration."""

from __future__ import annotations

import pytest

from domain import buckets
from domain.buckets import MICROS_PER_MINUTE, MICROS_PER_SECOND
from domain.events import KeyLimits
from domain.rates import Rate, duration, headers, rates
from domain.request import _guards

NOON = 29_000_000 * MICROS_PER_MINUTE
BOTH = KeyLimits(budget_nanos_per_month=9, requests_per_minute=60, tokens_per_minute=1_000, concurrency=2)


def values(limits: KeyLimits, **of_kind: int) -> tuple[int, ...]:
    """The values of the guarded buckets, in the order of the guards."""
    return tuple(of_kind.get(guard.bucket.partition(":")[0], 0) for guard in _guards("a", "k", limits))


@pytest.mark.parametrize(("seconds", "told"), [(1, "1s"), (37, "37s"), (59, "59s"), (60, "1m0s"), (61, "1m1s")])
def test_a_duration_is_written_as_openai_writes_it(seconds: int, told: str) -> None:
    assert duration(seconds) == told


def test_rates_are_read_from_the_guards_that_the_ledger_judged() -> None:
    judged = values(BOTH, requests=3, tokens=250, spend=7, open=1, available=100)
    assert rates(BOTH, _guards("a", "k", BOTH), judged, NOON) == (
        Rate("requests", 60, 57, 60),
        Rate("tokens", 1_000, 750, 60),
    )


@pytest.mark.parametrize(
    ("limits", "kinds"),
    [
        (KeyLimits(requests_per_minute=60), ["requests"]),
        (KeyLimits(tokens_per_minute=60), ["tokens"]),
        (KeyLimits(budget_nanos_per_month=9, concurrency=2), []),
        (KeyLimits(), []),
    ],
)
def test_a_key_has_only_the_rates_that_it_is_limited_in(limits: KeyLimits, kinds: list[str]) -> None:
    assert [rate.kind for rate in rates(limits, _guards("a", "k", limits), values(limits), NOON)] == kinds


def test_no_limits_are_reported_if_the_ledger_reported_none() -> None:
    assert rates(BOTH, _guards("a", "k", BOTH), (), NOON) == ()


def test_what_was_used_past_the_limit_leaves_nothing_and_no_less() -> None:
    overrun = rates(BOTH, _guards("a", "k", BOTH), values(BOTH, requests=60, tokens=1_001), NOON)
    assert [rate.remaining for rate in overrun] == [0, 0]


@pytest.mark.parametrize(
    ("into_the_minute", "left"), [(0, 60), (1, 60), (999_999, 60), (22_400_000, 38), (59_999_999, 1)]
)
def test_a_window_turns_with_the_utc_minute(into_the_minute: int, left: int) -> None:
    [rate, _] = rates(BOTH, _guards("a", "k", BOTH), values(BOTH), NOON + into_the_minute)
    assert rate.reset_seconds == left
    turned = NOON + into_the_minute + left * MICROS_PER_SECOND
    assert buckets.minute_of(turned) != buckets.minute_of(NOON)
    assert turned - NOON < MICROS_PER_MINUTE + MICROS_PER_SECOND


def test_headers_name_limit_remaining_and_reset_of_each_rate() -> None:
    assert headers([Rate("requests", 60, 57, 38), Rate("tokens", 1_000, 0, 60)]) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "57",
        "x-ratelimit-reset-requests": "38s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1m0s",
    }
