"""Replay reports payments without a checkout, credited twice, or in a different amount, and returns of the wrong part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.replay.replay import replay
from domain.events import (
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutFailed,
    Event,
    FundsReinstated,
    FundsWithdrawn,
    RefundFailed,
    RefundPosted,
    TopUpSettled,
    checkout_stream,
    dispute_stream,
    payment_stream,
    refund_stream,
)
from domain.payment import settled_by
from tests.support.ledger.histories import USD, checkout
from tests.support.ledger.stages import Stage

ORDER = checkout("co", "acme")
DONE = CheckoutCompleted("co", "acme", "pi")
PAID = settled_by(ORDER, "pi")
TAKEN = RefundPosted("re", "pi", "acme", 450, "usd", 5 * USD)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage("sqlite", str(tmp_path / "ledger.db"))
    stage.book.open("acme", "k")
    yield stage
    stage.close()


def stream_of(event: Event) -> str:
    match event:
        case TopUpSettled():
            return payment_stream(event.payment_id)
        case RefundPosted() | RefundFailed():
            return refund_stream(event.refund_id)
        case FundsWithdrawn() | FundsReinstated():
            return dispute_stream(event.dispute_id)
        case _:
            return checkout_stream(event.checkout_id)  # type: ignore[attr-defined]


def found(stage: Stage, *events: Event) -> list[str]:
    """The differences that replay reports after these events."""
    for event in events:
        stage.book.say(stream_of(event), event)
    return [difference.what for difference in replay(stage.ledger, None).differences]


def test_an_honest_story_has_no_difference(stage: Stage) -> None:
    back = RefundFailed("re", "pi", "acme", 450, "usd", 5 * USD)
    lost = FundsWithdrawn("du", "pi", "acme", 900, "usd", 10 * USD)
    won = FundsReinstated("du", "pi", "acme", 900, "usd", 10 * USD)
    assert found(stage, ORDER, CheckoutExpired("co", "acme"), DONE, PAID, TAKEN, back, lost, won) == []


@pytest.mark.parametrize(
    ("event", "what"),
    [
        (DONE, "checkout"),
        (PAID, "top-up"),
        (TAKEN, "return"),
        (FundsReinstated("du", "pi", "acme", 900, "usd", 10 * USD), "return"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Event) else "",
)
def test_what_nothing_began_is_named(stage: Stage, event: Event, what: str) -> None:
    assert what in found(stage, event)


@pytest.mark.parametrize(
    ("field", "value"),
    [("account_id", "bob"), ("amount_minor", 1), ("currency", "eur"), ("credit_nanos", 11 * USD), ("payment_id", "pj")],
)
def test_a_credit_that_is_not_its_order_is_named(stage: Stage, field: str, value: object) -> None:
    wrong = msgspec.structs.replace(PAID, **{field: value})
    expected = "payment_id of the checkout" if field == "payment_id" else field
    assert expected in found(stage, ORDER, DONE, wrong)


def test_a_second_credit_of_a_payment_is_named(stage: Stage) -> None:
    assert "version of the stream" in found(stage, ORDER, DONE, PAID, PAID)


def test_a_checkout_that_two_payments_completed_is_named(stage: Stage) -> None:
    assert "payment_id of the checkout" in found(stage, ORDER, DONE, CheckoutCompleted("co", "acme", "pj"))


@pytest.mark.parametrize(
    ("field", "value"), [("credit_nanos", 1), ("account_id", "bob"), ("currency", "eur"), ("amount_minor", 900)]
)
def test_a_return_of_the_wrong_part_is_named(stage: Stage, field: str, value: object) -> None:
    expected = "credit_nanos" if field == "amount_minor" else field
    assert expected in found(stage, ORDER, DONE, PAID, msgspec.structs.replace(TAKEN, **{field: value}))


def test_what_is_restored_without_having_been_taken_is_named(stage: Stage) -> None:
    other = RefundFailed("other", "pi", "acme", 450, "usd", 5 * USD)
    assert "restored return" in found(stage, ORDER, DONE, PAID, TAKEN, other)
    assert "amount_minor" in found(stage, RefundFailed("re", "pi", "acme", 45, "usd", USD))


def test_a_ceiling_that_is_given_back_wrongly_is_named(stage: Stage) -> None:
    automatic = checkout("auto", "acme", automatic=True)
    assert found(stage, automatic, CheckoutFailed("auto", "acme", "no", 1, 1)) == [
        "automatic_nanos",
        "started_at_micros",
    ]
