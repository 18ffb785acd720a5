"""Checkouts: begun once, paid by one payment, ended once unless a payment turns up."""

from __future__ import annotations

import pytest

from domain import checkout as checkouts
from domain.account import Account, fold
from domain.checkout import Checkout, Pack
from domain.errors import (
    AlreadyExists,
    AutomaticCeilingReached,
    InvalidValue,
    NotFound,
    PaymentMismatch,
    TooManyCheckouts,
)
from domain.events import (
    AccountOpened,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutFailed,
    CheckoutStarted,
    Event,
    PriceListed,
)

ACCOUNT = fold("acct", [AccountOpened("acct", "Ada")])
PACK = Pack("starter", "Starter", 900, "usd", 10**10)
STARTED = CheckoutStarted("co_1", "acct", "starter", 900, "usd", 10**10, False)
NONE = Checkout("co_1")


def after(*events: Event) -> Checkout:
    return checkouts.fold("co_1", [(event, 5) for event in events])


def test_a_checkout_takes_its_figures_from_the_pack() -> None:
    assert checkouts.start(NONE, ACCOUNT, PACK) == [STARTED]
    assert checkouts.start(after(STARTED), ACCOUNT, PACK) == []


def test_another_order_of_the_same_id_is_refused() -> None:
    with pytest.raises(AlreadyExists):
        checkouts.start(after(STARTED), ACCOUNT, Pack("starter", "Starter", 800, "usd", 10**10))
    with pytest.raises(NotFound):
        checkouts.start(NONE, Account("nobody"), PACK)
    with pytest.raises(InvalidValue):
        checkouts.start(Checkout("a:b"), ACCOUNT, PACK)


def test_one_payment_completes_it() -> None:
    [done] = checkouts.complete(after(STARTED), "pi_1")
    assert done == CheckoutCompleted("co_1", "acct", "pi_1")
    assert checkouts.complete(after(STARTED, done), "pi_1") == []
    with pytest.raises(PaymentMismatch):
        checkouts.complete(after(STARTED, done), "pi_2")


@pytest.mark.parametrize(
    "end", [CheckoutExpired("co_1", "acct"), CheckoutFailed("co_1", "acct", "card_declined", 0, 5)]
)
def test_a_payment_found_later_still_completes_it(end: Event) -> None:
    ended = after(STARTED, end)
    assert checkouts.expire(ended) == []
    assert checkouts.fail(ended, "again") == []
    [done] = checkouts.complete(ended, "pi_1")
    assert after(STARTED, end, done).state == "completed"


def test_an_end_is_written_once() -> None:
    assert checkouts.expire(after(STARTED)) == [CheckoutExpired("co_1", "acct")]
    done = CheckoutCompleted("co_1", "acct", "pi_1")
    assert checkouts.expire(after(STARTED, done)) == []
    assert checkouts.fail(after(STARTED, done), "x") == []


def test_a_failed_automatic_one_gives_the_ceiling_back_to_its_month() -> None:
    automatic = CheckoutStarted("co_1", "acct", "starter", 900, "usd", 10**10, True)
    assert checkouts.fail(after(automatic), "card_declined") == [
        CheckoutFailed("co_1", "acct", "card_declined", 10**10, 5)
    ]
    [failed] = checkouts.fail(after(STARTED), "x" * 999)
    assert isinstance(failed, CheckoutFailed)
    assert (failed.automatic_nanos, len(failed.reason)) == (0, checkouts.REASON_LENGTH_MAX)
    assert after(STARTED, failed).reason == failed.reason


def test_what_was_never_started_neither_ends_nor_is_paid() -> None:
    for decide in (checkouts.expire, lambda one: checkouts.fail(one, "x"), lambda one: checkouts.complete(one, "pi")):
        with pytest.raises(NotFound):
            decide(NONE)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("account", {"account_id": "other"}),
        ("account", {"account_id": None}),
        ("currency", {"currency": "eur"}),
        ("amount", {"amount_minor": 899}),
        ("amount", {"amount_minor": None}),
    ],
)
def test_a_payment_that_is_not_what_was_ordered_is_a_mismatch(what: str, said: dict[str, str]) -> None:
    right = {"account_id": "acct", "amount_minor": 900, "currency": "usd"}
    checkouts.check_paid(after(STARTED), **right)  # type: ignore[arg-type]
    with pytest.raises(PaymentMismatch) as refused:
        checkouts.check_paid(after(STARTED), **{**right, **said})  # type: ignore[arg-type]
    assert refused.value.what == what


def test_guards_and_their_refusals_say_the_same() -> None:
    [day] = checkouts.start_guards("acct")
    assert isinstance(checkouts.start_refusal(day.name(0)), TooManyCheckouts)
    _, month = checkouts.start_guards("acct", ceiling_nanos=7)
    assert (month.ceiling, month.window) == (7, "month")
    assert isinstance(checkouts.start_refusal(month.name(0)), AutomaticCeilingReached)


def test_an_event_of_another_kind_only_counts() -> None:
    assert after(PriceListed("m", {})) == Checkout("co_1", version=1)
