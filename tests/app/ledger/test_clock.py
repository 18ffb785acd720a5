"""The store's clock as a process knows it: how readings bound it, and what the process's own clocks have to do with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ledger.clock import PAUSE_MICROS_MAX, StoreClock

HOUR = 3_600 * 10**6


class Monotonic:
    """This process's monotonic clock, in the hands of a test."""

    def __init__(self) -> None:
        self.micros = 5 * 10**6

    def __call__(self) -> int:
        return self.micros * 1000


class Store:
    """A store whose clock is `ahead` of the process's monotonic clock, and whose answers take their time each way."""

    def __init__(self, ahead: int) -> None:
        self.here = Monotonic()
        self.ahead = ahead
        self.clock = StoreClock(self.here)

    @property
    def now(self) -> int:
        return self.here.micros + self.ahead

    def answer(self, there: int = 0, back: int = 0) -> None:
        asked_at = self.clock.monotonic_micros()
        self.here.micros += there
        reading = self.now
        self.here.micros += back
        self.clock.learn(reading, asked_at)


def test_before_the_first_reading_it_is_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 7_000)
    assert StoreClock().now_micros() == 7


def test_after_a_reading_the_wall_clock_plays_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(HOUR)
    store.answer()
    monkeypatch.setattr("time.time_ns", lambda: 7_000)
    store.here.micros += 11
    assert store.clock.now_micros() == store.now


def test_a_slow_answer_does_not_disturb_what_a_fast_one_has_fixed() -> None:
    store = Store(HOUR)
    store.answer()
    store.answer(there=20, back=10**7)
    assert store.clock.now_micros() == store.now
    store.answer(there=10**7, back=20)
    assert store.clock.now_micros() == store.now


def test_a_store_whose_clock_was_set_forward_is_followed() -> None:
    store = Store(0)
    store.answer()
    store.ahead += HOUR
    store.answer(there=30, back=40)
    assert store.now - 40 <= store.clock.now_micros() <= store.now


def test_it_pauses_until_a_store_whose_clock_was_set_back_a_little_has_caught_up() -> None:
    store = Store(HOUR)
    store.answer()
    before = store.clock.now_micros()
    store.ahead -= PAUSE_MICROS_MAX
    store.answer()
    assert store.clock.now_micros() == before
    store.here.micros += PAUSE_MICROS_MAX + 1
    assert store.clock.now_micros() == store.now == before + 1


def test_a_larger_correction_of_the_stores_clock_is_followed_at_once() -> None:
    store = Store(0)
    store.answer()
    store.ahead += HOUR
    store.answer()
    assert store.clock.now_micros() == store.now
    store.ahead -= HOUR
    store.answer()
    assert store.clock.now_micros() == store.now


@given(st.lists(st.tuples(*[st.integers(0, 10**6)] * 3), min_size=1), st.integers(-HOUR, HOUR))
def test_it_is_never_further_off_than_the_last_answer_took_and_never_goes_back(
    answers: list[tuple[int, int, int]], ahead: int
) -> None:
    store, latest = Store(2 * HOUR + ahead), 0
    for there, back, pause in answers:
        store.answer(there, back)
        now = store.clock.now_micros()
        assert store.now - back <= now <= store.now + there
        assert now >= latest
        latest = now
        store.here.micros += pause
