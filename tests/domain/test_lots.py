"""Lots add up to the balance, whatever happens, and are used in their order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import (
    AccountOpened,
    AdjustmentPosted,
    Event,
    FundsReinstated,
    FundsWithdrawn,
    RefundFailed,
    RefundPosted,
    RequestAdmitted,
    RequestReleased,
    TopUpSettled,
)
from domain.lots import Lot, Lots, Purse
from domain.money import AMOUNT_NANOS_MAX
from domain.payment import Returned, credit_of, take_back
from domain.payment import fold_return as fold
from domain.postings import customer_available, customer_held, postings
from domain.pricing import parse_prices
from domain.request import AnswerSource, Hold, debit, release
from domain.usage import Usage
from tests.support.domain.strategies import amounts, minors

ACCOUNT = "acct"
PER_TOKEN = parse_prices({"input": "0.001", "output": "1"})
"""A nano for an input token."""


def admitted(hold: int) -> RequestAdmitted:
    return RequestAdmitted("req", ACCOUNT, "key", "model", "responses", 1, hold, 0, "instance", 1)


def used(cost: int) -> Event:
    return debit(
        Hold(admitted(0), 0),
        prices=PER_TOKEN,
        usage=Usage(input=cost),
        source=AnswerSource("u"),
        finish="stop",
        outcome="completed",
    )


def released(hold: int) -> RequestReleased:
    return release(Hold(admitted(hold), 0), reason="deadline", upstream=None, delivered=None, prices=None)


few = st.sampled_from(["a", "b", "c"])
nanos = st.integers(1, 20)
_return = {
    "payment_id": few,
    "account_id": st.just(ACCOUNT),
    "amount_minor": st.integers(1, 20),
    "currency": st.sampled_from(["usd", "eur"]),
    "credit_nanos": nanos,
}
any_events: st.SearchStrategy[Event] = st.one_of(
    st.builds(AccountOpened, account_id=st.just(ACCOUNT), name=few),
    st.builds(
        AdjustmentPosted,
        account_id=st.just(ACCOUNT),
        adjustment_id=few,
        kind=st.sampled_from(["grant", "correction"]),
        amount_nanos=st.integers(-20, 20),
        reason=few,
        reference=st.none() | few,
    ),
    st.builds(TopUpSettled, checkout_id=few, **_return),
    st.builds(RefundPosted, refund_id=few, **_return),
    st.builds(RefundFailed, refund_id=few, **_return),
    st.builds(FundsWithdrawn, dispute_id=few, **_return),
    st.builds(FundsReinstated, dispute_id=few, **_return),
    nanos.map(used),
    nanos.map(admitted),
    nanos.map(released),
)
"""Every one that moves money, in any order: also those that no ledger would take."""


def paid(payment_id: str, credit: int, amount: int = 100) -> TopUpSettled:
    return TopUpSettled(payment_id, ACCOUNT, f"co_{payment_id}", amount, "usd", credit)


def refunded(payment_id: str, credit: int, amount: int = 100) -> RefundPosted:
    return RefundPosted(f"re_{payment_id}", payment_id, ACCOUNT, amount, "usd", credit)


def granted(adjustment_id: str, amount: int, reference: str | None = None) -> AdjustmentPosted:
    return AdjustmentPosted(ACCOUNT, adjustment_id, "grant" if amount > 0 else "correction", amount, "why", reference)


def purse(*events: Event) -> Purse:
    made = Purse(ACCOUNT)
    for at, event in enumerate(events):
        made.apply(event, at)
    return made


def left(made: Purse) -> dict[str, int]:
    return {lot.lot_id: lot.remaining_nanos for lot in made.lots.values()}


@settings(max_examples=400)
@given(st.lists(any_events, max_size=30))
def test_the_lots_are_the_balance_and_every_lot_adds_up(events: Sequence[Event]) -> None:
    lots, booked = Lots(), {customer_available(ACCOUNT): 0, customer_held(ACCOUNT): 0}
    for at, event in enumerate(events):
        moves = lots.apply(event, at)
        moved = 0
        for account, posted in postings(event):
            if account in booked:
                booked[account] -= posted
                moved -= posted
        assert sum(move.nanos for move in moves) == moved
    made = lots.purses.get(ACCOUNT, Purse(ACCOUNT))
    remaining = sum(lot.remaining_nanos for lot in made.lots.values())
    assert remaining - made.owed_nanos == made.balance_nanos == sum(booked.values())
    assert (made.available_nanos, made.held_nanos) == tuple(booked.values())
    assert not (made.owed_nanos and remaining), "nothing is owed while anything is left"
    for lot in made.lots.values():
        assert lot.remaining_nanos >= 0
        assert lot.used_nanos >= 0
        spent = lot.used_nanos + lot.returned_nanos + lot.corrected_nanos
        assert lot.credit_nanos == lot.remaining_nanos + spent, lot


@settings(max_examples=200)
@given(st.lists(any_events, max_size=30))
def test_moves_alone_tell_what_is_left(events: Sequence[Event]) -> None:
    made, told, owed = Purse(ACCOUNT), dict[int, int](), 0
    for at, event in enumerate(events):
        for move in made.apply(event, at):
            if move.lot is None:
                owed += move.nanos
                assert move.remaining_nanos == owed
            else:
                told[move.lot.number] = told.get(move.lot.number, 0) + move.nanos
                assert move.remaining_nanos == told[move.lot.number]
    assert owed == -made.owed_nanos
    assert told == {lot.number: lot.remaining_nanos for lot in made.lots.values() if lot.number in told}


def test_the_oldest_is_used_first() -> None:
    made = purse(paid("a", 10), granted("b", 10), paid("c", 10), used(14))
    assert left(made) == {"a": 0, "b": 6, "c": 10}
    assert [(lot.source, lot.used_nanos) for lot in made.lots.values()] == [("top_up", 10), ("grant", 4), ("top_up", 0)]


def test_what_ends_is_used_before_what_does_not() -> None:
    def lot(number: int, opened: int, expires: int | None) -> Lot:
        return Lot(str(number), ACCOUNT, "grant", number, opened, expires_at_micros=expires)

    lots = [lot(1, 0, None), lot(2, 5, 30), lot(3, 6, 20), lot(4, 4, 30), lot(5, 0, None)]
    assert [each.lot_id for each in sorted(lots, key=lambda each: each.order)] == ["3", "4", "2", "1", "5"]


def test_a_refund_takes_its_own_payment_back() -> None:
    made = purse(paid("a", 10), paid("b", 10), refunded("b", 4, 40))
    assert left(made) == {"a": 10, "b": 6}


def test_what_a_refunded_payment_had_paid_for_the_others_pay() -> None:
    made = purse(paid("a", 10), paid("b", 10), used(7))
    moves = made.apply(refunded("a", 10), 9)
    assert [(move.lot and move.lot.lot_id, move.what, move.nanos) for move in moves] == [
        ("a", "unused", 7),
        ("a", "returned", -10),
        ("b", "used", -7),
    ]
    assert left(made) == {"a": 0, "b": 3}


def test_what_no_lot_has_is_owed_and_the_next_credit_pays_it() -> None:
    made = purse(paid("a", 10), used(7))
    assert [(move.what, move.nanos) for move in made.apply(refunded("a", 10), 2)][-1] == ("overdrawn", -7)
    assert (made.owed_nanos, made.balance_nanos) == (7, -7)
    moves = made.apply(granted("b", 10), 3)
    assert [(move.what, move.nanos) for move in moves] == [("opened", 10), ("used", -7), ("covered", 7)]
    assert (made.owed_nanos, left(made)) == (0, {"a": 0, "b": 3})


def test_a_refund_that_failed_gives_its_payment_back() -> None:
    made = purse(paid("a", 10), paid("b", 10), used(7), refunded("a", 10))
    made.apply(RefundFailed("re_a", "a", ACCOUNT, 100, "usd", 10), 9)
    assert left(made) == {"a": 10, "b": 3}
    assert made.lots["payment", "a"].returned_minor == 0


def test_a_correction_takes_what_it_refers_to_first() -> None:
    made = purse(paid("a", 10), granted("b", 10), granted("c", -12, "b"))
    assert left(made) == {"a": 8, "b": 0}
    assert made.lots["adjustment", "b"].corrected_nanos == 10
    made.apply(refunded("a", 10), 9)
    assert (left(made), made.owed_nanos) == ({"a": 0, "b": 0}, 2)


def test_refundable_is_what_was_not_used_and_is_not_held() -> None:
    made = purse(paid("a", 1000), used(250))
    lot = made.lots["payment", "a"]
    assert made.refundable_minor(lot) == 75
    made.apply(admitted(500), 3)
    assert made.refundable_minor(lot) == 25
    assert purse(granted("b", 10)).refundable_minor(next(iter(purse(granted("b", 10)).lots.values()))) == 0


@settings(max_examples=300)
@given(amounts, minors, st.integers(0, AMOUNT_NANOS_MAX), st.integers(0, 10**8))
def test_refundable_is_exact(credit: int, amount: int, spent: int, before: int) -> None:
    """So much can be refunded that the credit it takes is there, and not one of the smallest units more."""
    payment, before = paid("a", credit, amount), min(before, amount)
    taken = credit_of(payment, before)
    events: list[Event] = [payment]
    if before:
        events += take_back(fold("re", []), RefundPosted, payment, before, Returned())
    made = purse(*events)
    spent = min(spent, made.balance_nanos)
    made.apply(granted("c", -spent, "a"), 5)
    lot = made.lots["payment", "a"]
    more = made.refundable_minor(lot)
    assert credit_of(payment, before + more) - taken <= lot.remaining_nanos
    if before + more < amount:
        assert credit_of(payment, before + more + 1) - taken > lot.remaining_nanos


@pytest.mark.parametrize("event", [AccountOpened(ACCOUNT, "n")])
def test_what_moves_no_money_opens_no_purse(event: Event) -> None:
    lots = Lots()
    assert lots.apply(event, 0) == []
    assert lots.purses == {}
    assert Purse(ACCOUNT).apply(event, 0) == []
