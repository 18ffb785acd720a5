"""Throttles on both engines: so many attempts in a window, counted before they are made, by everybody together."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.accounts.throttle import SIGN_IN_FROM_ADDRESS, SIGN_IN_OF_EMAIL, SIGN_UP_FROM_ADDRESS, AttemptLimit, Throttle
from app.faults import TooManyAttempts
from app.ledger.store import Ledger
from tests.support.ledger.ledgers import Engine

RATE = AttemptLimit("tries of a test", 3, 600)


@pytest.fixture
def throttle(ledger: Ledger) -> Throttle:
    return Throttle(ledger)


def tried(throttle: Throttle, subject: str = "a", rate: AttemptLimit = RATE) -> bool:
    try:
        throttle.attempt(rate, subject)
    except TooManyAttempts:
        return False
    return True


def test_the_rates_are_those_that_are_documented() -> None:
    rates = [(rate.attempts, rate.seconds) for rate in (SIGN_IN_OF_EMAIL, SIGN_IN_FROM_ADDRESS, SIGN_UP_FROM_ADDRESS)]
    assert rates == [(10, 900), (100, 900), (20, 3600)]


def test_so_many_attempts_and_not_one_more(throttle: Throttle) -> None:
    assert [tried(throttle) for _ in range(5)] == [True, True, True, False, False]


def test_a_refusal_says_how_long_to_wait(throttle: Throttle, ledger: Ledger) -> None:
    for _ in range(3):
        throttle.attempt(RATE, "a")
    with pytest.raises(TooManyAttempts) as refused:
        throttle.attempt(RATE, "a")
    assert 590 <= refused.value.retry_after_seconds <= 600
    ledger.change(("UPDATE throttles SET ends_at_micros = ?", (ledger.now_micros() + 500_000,)))
    with pytest.raises(TooManyAttempts) as refused:
        throttle.attempt(RATE, "a")
    assert refused.value.retry_after_seconds == 1


def test_refusals_do_not_make_the_wait_longer(throttle: Throttle, ledger: Ledger) -> None:
    for _ in range(3):
        throttle.attempt(RATE, "a")
    before = ledger.select("SELECT ends_at_micros, attempts FROM throttles")
    assert not tried(throttle)
    assert ledger.select("SELECT ends_at_micros, attempts FROM throttles") == before


def test_a_window_that_is_over_is_a_new_one(throttle: Throttle, ledger: Ledger) -> None:
    for _ in range(3):
        throttle.attempt(RATE, "a")
    ledger.change(("UPDATE throttles SET ends_at_micros = ?", (ledger.now_micros(),)))
    assert [tried(throttle) for _ in range(4)] == [True, True, True, False]


def test_subjects_and_rates_are_counted_apart(throttle: Throttle) -> None:
    other = AttemptLimit("other tries of a test", 1, 600)
    for _ in range(3):
        throttle.attempt(RATE, "a")
    assert tried(throttle, "b")
    assert tried(throttle, "a", other)
    assert not tried(throttle, "a", other)


def test_what_is_forgotten_counts_no_more(throttle: Throttle) -> None:
    for subject in ("a", "b"):
        for _ in range(3):
            throttle.attempt(RATE, subject)
    throttle.forget(RATE, "a")
    assert (tried(throttle, "a"), tried(throttle, "b")) == (True, False)


def test_the_table_holds_no_name(throttle: Throttle, ledger: Ledger) -> None:
    throttle.attempt(RATE, "ada@example.com")
    [(name,)] = ledger.select("SELECT name FROM throttles")
    assert len(name) == 64
    assert "ada" not in name


def test_windows_that_are_over_are_purged(throttle: Throttle, ledger: Ledger) -> None:
    throttle.attempt(RATE, "a")
    ledger.change(("UPDATE throttles SET ends_at_micros = ?", (ledger.now_micros(),)))
    throttle.attempt(RATE, "b")
    assert throttle.purge() == 1
    assert throttle.purge() == 0


def test_several_processes_at_once_let_through_no_more_than_one_would(engine: Engine, ledger: Ledger) -> None:
    throttles, start = [Throttle(engine.open()) for _ in range(4)], threading.Barrier(4)

    def try_often(throttle: Throttle) -> int:
        start.wait(120)
        return sum(tried(throttle) for _ in range(5))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(try_often, throttles)) == RATE.attempts
