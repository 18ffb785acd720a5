"""Payments: credited once. Returns take exactly the credit that the payment bought, in any parts and any order."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import payment as payments
from domain.checkout import Checkout, fold
from domain.errors import InvalidValue, NotFound, PaymentMismatch
from domain.events import (
    CheckoutCompleted,
    CheckoutStarted,
    Event,
    FundsReinstated,
    FundsWithdrawn,
    PriceListed,
    RefundFailed,
    RefundPosted,
    Tax,
    TopUpSettled,
)
from domain.payment import Return, Returned
from domain.postings import movements, postings
from tests.support.domain.strategies import amounts, currencies, minors

STARTED = CheckoutStarted("co_1", "acct", "starter", 900, "usd", 10**10, False)
PAID = payments.settled_by(STARTED, "pi_1")


def completed(payment_id: str = "pi_1") -> Checkout:
    return fold("co_1", [(STARTED, 1), (CheckoutCompleted("co_1", "acct", payment_id), 2)])


def test_a_payment_is_credited_once_with_what_was_ordered() -> None:
    assert payments.settle(None, completed(), "pi_1") == [
        TopUpSettled("pi_1", "acct", "co_1", 900, "usd", 10_000_000_000)
    ]
    assert payments.settle(PAID, completed(), "pi_1") == []


def test_what_is_said_of_its_tax_is_kept_and_credits_nothing_again() -> None:
    told = Tax("DE", "taxed", 144)
    [settled] = payments.settle(None, completed(), "pi_1", told)
    assert isinstance(settled, TopUpSettled)
    assert (settled.tax, settled.credit_nanos) == (told, PAID.credit_nanos)
    assert postings(settled) == postings(PAID)
    assert payments.settle(PAID, completed(), "pi_1", told) == []
    assert payments.settle(settled, completed(), "pi_1") == []


def test_a_payment_of_another_checkout_is_a_mismatch() -> None:
    with pytest.raises(PaymentMismatch):
        payments.settle(None, completed("pi_2"), "pi_1")
    with pytest.raises(PaymentMismatch):
        payments.settle(TopUpSettled("pi_1", "acct", "co_0", 900, "usd", 1), completed(), "pi_1")
    with pytest.raises(NotFound):
        payments.settle(None, Checkout("co_2"), "pi_1")


def test_a_return_is_taken_once_and_restored_once() -> None:
    [posted] = payments.take_back(Return("re_1"), RefundPosted, PAID, 450, Returned())
    assert posted == RefundPosted("re_1", "pi_1", "acct", 450, "usd", 5 * 10**9)
    there = payments.fold_return("re_1", [posted])
    assert payments.take_back(there, RefundPosted, PAID, 450, Returned(450, 5 * 10**9)) == []
    [failed] = payments.give_back(there, PAID, Returned(450, 5 * 10**9))
    assert failed == RefundFailed("re_1", "pi_1", "acct", 450, "usd", 5 * 10**9)
    assert payments.give_back(payments.fold_return("re_1", [posted, failed]), PAID, Returned()) == []
    assert payments.give_back(Return("re_2"), PAID, Returned()) == []


def test_a_dispute_is_withdrawn_once_and_reinstated_once() -> None:
    [withdrawn] = payments.take_back(Return("du_1"), FundsWithdrawn, PAID, 900, Returned())
    assert withdrawn == FundsWithdrawn("du_1", "pi_1", "acct", 900, "usd", 10**10)
    there = payments.fold_return("du_1", [withdrawn])
    assert payments.take_back(there, FundsWithdrawn, PAID, 900, Returned(900, 10**10)) == []
    [won] = payments.give_back(there, PAID, Returned(900, 10**10))
    assert won == FundsReinstated("du_1", "pi_1", "acct", 900, "usd", 10**10)
    assert payments.give_back(payments.fold_return("du_1", [withdrawn, won]), PAID, Returned()) == []
    assert payments.give_back(Return("du_2"), PAID, Returned()) == []


def test_a_dispute_of_what_was_refunded_takes_nothing_twice() -> None:
    [withdrawn] = payments.take_back(Return("du_1"), FundsWithdrawn, PAID, 900, Returned(450, 5 * 10**9))
    assert isinstance(withdrawn, FundsWithdrawn)
    assert withdrawn.credit_nanos == 5 * 10**9
    [won] = payments.give_back(payments.fold_return("du_1", [withdrawn]), PAID, Returned(1350, 10**10))
    assert isinstance(won, FundsReinstated)
    assert won.credit_nanos == 5 * 10**9


@pytest.mark.parametrize("amount_minor", [0, -1, 901])
def test_an_amount_that_the_payment_does_not_have_is_refused(amount_minor: int) -> None:
    with pytest.raises(InvalidValue):
        payments.take_back(Return("re_1"), RefundPosted, PAID, amount_minor, Returned())
    with pytest.raises(InvalidValue):
        payments.take_back(Return("du_1"), FundsWithdrawn, PAID, amount_minor, Returned())


def test_an_event_of_another_kind_only_counts() -> None:
    assert payments.fold_return("re_1", [PriceListed("m", {})]) == Return("re_1", version=1)


@given(st.data(), minors, currencies, amounts)
def test_whatever_comes_and_goes_what_is_taken_is_the_part_of_what_was_paid(
    data: st.DataObject, amount_minor: int, currency: str, credit_nanos: int
) -> None:
    """Refunds and disputes posted and restored at random: the running credit is always the floor of its part, never negative
    nor above the credit; all parts back take it whole, none take nothing; each event's books and buckets balance."""
    paid = TopUpSettled("pi_1", "acct", "co_1", amount_minor, currency, credit_nanos)
    log: list[Event] = [paid]
    returned = Returned()
    standing: dict[str, Event] = {}
    for number in range(data.draw(st.integers(1, 6))):
        if len(standing) > 0 and data.draw(st.booleans()):
            return_id = data.draw(st.sampled_from(sorted(standing)))
            there = payments.fold_return(return_id, [standing.pop(return_id)])
            [event] = payments.give_back(there, paid, returned)
        else:
            taking = RefundPosted if data.draw(st.booleans()) else FundsWithdrawn
            part = data.draw(st.integers(1, amount_minor))
            [event] = payments.take_back(Return(f"r{number}"), taking, paid, part, returned)
            standing[f"r{number}"] = event
        before = returned
        returned = _moved(returned, event)
        guards = {guard.bucket: (guard.floor, guard.ceiling) for guard in payments.return_guards(event, before)}
        assert guards == {
            "returned:pi_1": (returned.amount_minor,) * 2,
            "returned_credit:pi_1": (returned.credit_nanos,) * 2,
        }
        assert returned.credit_nanos == credit_nanos * min(returned.amount_minor, amount_minor) // amount_minor
        log.append(event)
    books: Counter[str] = Counter()
    for event in log:
        assert sum(nanos for _, nanos in postings(event)) == 0
        books.update(dict(postings(event)))
    available = sum(moved for event in log for name, moved in movements(event, 0) if name == "available:acct")
    assert available == credit_nanos - returned.credit_nanos == -books["liabilities:customer:acct:available"]


def _moved(returned: Returned, event: Event) -> Returned:
    moves = dict(movements(event, 0))
    return Returned(
        returned.amount_minor + moves["returned:pi_1"], returned.credit_nanos + moves["returned_credit:pi_1"]
    )
