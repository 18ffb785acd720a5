"""Buckets and their windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given

from domain import buckets
from domain.buckets import Guard
from tests.support.domain.strategies import INSTANT_MICROS_MAX, instants

_LEAP_DAY = 951_782_400_000_000
"""2000-02-29T00:00 UTC"""


@given(instants)
@example(0)
@example(INSTANT_MICROS_MAX)
@example(_LEAP_DAY)
@example(_LEAP_DAY - 1)
def test_windows_are_those_of_a_calendar(at_micros: int) -> None:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_micros)
    assert buckets.minute_of(at_micros) == instant.strftime("%Y-%m-%dT%H:%M").zfill(16)
    assert buckets.day_of(at_micros) == instant.date().isoformat()
    assert buckets.month_of(at_micros) == instant.date().isoformat()[:7]
    assert buckets.seconds_left_in_minute(at_micros) == 60 - instant.second


def test_every_day_of_four_centuries_is_the_calendars() -> None:
    start = datetime(1970, 1, 1, tzinfo=UTC)
    for day in range(146_097):
        expected = (start + timedelta(days=day)).date().isoformat()
        assert buckets.day_of(day * buckets.MICROS_PER_DAY) == expected


@given(instants)
def test_a_guard_names_the_window_of_its_instant(at_micros: int) -> None:
    assert Guard("available:a").name(at_micros) == "available:a"
    assert Guard("requests:k", "minute").name(at_micros) == f"requests:k:{buckets.minute_of(at_micros)}"
    assert Guard("cancelled:a", "day").name(at_micros) == f"cancelled:a:{buckets.day_of(at_micros)}"
    assert Guard("spend:k", "month").name(at_micros) == f"spend:k:{buckets.month_of(at_micros)}"


@pytest.mark.parametrize(
    ("name", "bucket"),
    [
        (buckets.available, "available:x"),
        (buckets.held, "held:x"),
        (buckets.frozen, "frozen:x"),
        (buckets.cancelled, "cancelled:x"),
        (buckets.revoked, "revoked:x"),
        (buckets.open_requests, "open:x"),
        (buckets.spend, "spend:x"),
        (buckets.requests, "requests:x"),
        (buckets.tokens, "tokens:x"),
    ],
)
def test_a_bucket_is_named_by_kind_and_owner(name: object, bucket: str) -> None:
    assert callable(name)
    assert name("x") == bucket
