"""The roll-forward and the trial balance are the postings, summed."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.books import Month, RollForward, TrialBalance, next_month, summed
from domain.events import Event, RefundFailed
from tests.domain.test_lots import ACCOUNT, admitted, granted, paid, refunded, used
from tests.support.domain.strategies import events

DAY = 86_400_000_000
dated = st.tuples(st.integers(0, 3 * 365 * DAY), events)


@settings(max_examples=100)
@given(st.lists(dated, max_size=12))
def test_months_follow_each_other_and_close_where_the_customers_stand(history: Sequence[tuple[int, Event]]) -> None:
    rolled, trial = RollForward(), TrialBalance()
    for at, event in sorted(history, key=lambda each: each[0]):
        rolled.feed(event, at)
        trial.feed(event)
    assert sum(trial.totals.values()) == 0
    customers = -sum(nanos for account, nanos in trial.rows() if account.startswith("liabilities:customer:"))
    months = list(rolled.months())
    assert (months[-1].closing_nanos if months else 0) == customers
    opening, month = 0, months[0].month if months else ""
    for each in months:
        assert (each.month, each.opening_nanos) == (month, opening)
        opening, month = each.closing_nanos, next_month(month)


def test_a_month_says_what_moved_it() -> None:
    rolled = RollForward()
    story = (paid("a", 100), granted("b", 7), granted("c", -2), admitted(9), used(30), refunded("a", 20, 20))
    for event in story:
        rolled.feed(event, 0)
    rolled.feed(RefundFailed("re_a", "a", ACCOUNT, 20, "usd", 20), 62 * DAY)
    assert list(rolled.months()) == [
        Month("1970-01", 0, 100, 7, -2, -30, 0, -20, 0, 55),
        Month("1970-02", 55, 0, 0, 0, 0, 0, 0, 0, 55),
        Month("1970-03", 55, 0, 0, 0, 0, 0, 20, 0, 75),
    ]


def test_customers_are_one_sum_or_one_by_one() -> None:
    trial = TrialBalance()
    for event in (granted("b", 7), admitted(3)):
        trial.feed(event)
    assert trial.rows() == [
        ("expense:promotions", 7),
        ("liabilities:customer:available", -4),
        ("liabilities:customer:held", -3),
    ]
    assert ("liabilities:customer:acct:held", -3) in trial.rows(by_customer=True)
    assert summed("assets:stripe") == "assets:stripe"


def test_a_year_turns() -> None:
    assert (next_month("2026-12"), next_month("2026-09")) == ("2027-01", "2026-10")
