"""The only way in which money is credited and taken back: once, whichever process dies when, and never without a matching
checkout.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.ledger.codec import Codec
from app.ledger.store import Ledger
from app.payments.crediting import Crediting, ReportedPayment
from app.payments.vendor import Dispute, Refund
from domain import account as accounts
from domain.account import NEGATIVE_BALANCE, OPERATOR
from domain.checkout import CHECKOUTS_PER_DAY_MAX, Pack
from domain.errors import AlreadyExists, AutomaticCeilingReached, NotFound, PaymentMismatch, TooManyCheckouts
from domain.events import (
    AccountFrozen,
    AccountUnfrozen,
    AdjustmentPosted,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutStarted,
    Event,
    FundsReinstated,
    FundsWithdrawn,
    RefundFailed,
    RefundPosted,
    TopUpSettled,
)
from tests.support.payments.paying import PACKS, Died, House

USD = 10**9
PAID = ReportedPayment("pi_1", "co_1", "acct", 900, "usd")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.account("acct")
    yield house
    assert house.replayed().differences == ()
    house.close()


@pytest.fixture
def crediting(house: House) -> Crediting:
    made = Crediting(house.ledger, house.codec)
    made.start("co_1", "acct", PACKS["bonus"])
    return made


def kinds(house: House, *left_out: type[Event]) -> list[str]:
    return [type(event).__name__ for event in house.events() if not isinstance(event, left_out)][1:]


def settled(crediting: Crediting) -> TopUpSettled:
    found = crediting.settled("pi_1")
    assert found is not None
    return found


def refund(amount_minor: int, status: str = "succeeded", refund_id: str = "re_1", currency: str = "usd") -> Refund:
    return Refund(refund_id, "pi_1", amount_minor, currency, status)


def spend(house: House, nanos: int) -> None:
    """As if it had been used: a correction takes it."""
    from app.accounts.commands import on_account

    on_account(
        house.ledger,
        house.codec,
        "acct",
        lambda state: accounts.post_adjustment(
            state, adjustment_id="spent", kind="correction", amount_nanos=-nanos, reason="spent", reference=None
        ),
    )


def test_a_payment_is_credited_once_however_often_it_is_reported(house: House, crediting: Crediting) -> None:
    assert crediting.credit(PAID)
    assert not crediting.credit(PAID)
    assert house.available("acct") == 10 * USD
    assert kinds(house) == ["CheckoutStarted", "CheckoutCompleted", "TopUpSettled"]


@pytest.mark.parametrize(
    ("paid", "what"),
    [
        (ReportedPayment("pi_1", "co_1", "other", 900, "usd"), "account"),
        (ReportedPayment("pi_1", "co_1", None, 900, "usd"), "account"),
        (ReportedPayment("pi_1", "co_1", "acct", 899, "usd"), "amount"),
        (ReportedPayment("pi_1", "co_1", "acct", 90_000, "usd"), "amount"),
        (ReportedPayment("pi_1", "co_1", "acct", None, "usd"), "amount"),
        (ReportedPayment("pi_1", "co_1", "acct", 900, "eur"), "currency"),
    ],
)
def test_what_was_not_ordered_is_not_credited(
    house: House, crediting: Crediting, paid: ReportedPayment, what: str
) -> None:
    with pytest.raises(PaymentMismatch) as refused:
        crediting.credit(paid)
    assert refused.value.what == what
    assert kinds(house) == ["CheckoutStarted"]


def test_a_payment_of_no_checkout_of_ours_is_not_credited(house: House, crediting: Crediting) -> None:
    with pytest.raises(NotFound):
        crediting.credit(ReportedPayment("pi_1", "co_9", "acct", 900, "usd"))
    assert house.available("acct") == 0


def test_two_payments_never_credit_one_checkout_nor_one_payment_two(house: House, crediting: Crediting) -> None:
    crediting.start("co_2", "acct", PACKS["bonus"])
    assert crediting.credit(PAID)
    with pytest.raises(PaymentMismatch):
        crediting.credit(ReportedPayment("pi_2", "co_1", "acct", 900, "usd"))
    with pytest.raises(PaymentMismatch):
        crediting.credit(ReportedPayment("pi_1", "co_2", "acct", 900, "usd"))
    assert house.available("acct") == 10 * USD


def test_a_payment_after_the_expiry_counts(house: House, crediting: Crediting) -> None:
    assert crediting.expire("co_1")
    assert not crediting.expire("co_1")
    assert not crediting.fail("co_1", "late")
    assert crediting.credit(PAID)
    assert house.available("acct") == 10 * USD


def test_a_start_is_safe_to_repeat_and_bounded(house: House, crediting: Crediting) -> None:
    assert crediting.start("co_1", "acct", PACKS["bonus"]).version == 1
    with pytest.raises(AlreadyExists):
        crediting.start("co_1", "acct", PACKS["starter"])
    with pytest.raises(NotFound):
        crediting.start("co_2", "nobody", PACKS["starter"])
    for number in range(2, CHECKOUTS_PER_DAY_MAX + 1):
        crediting.start(f"co_{number}", "acct", PACKS["starter"])
    with pytest.raises(TooManyCheckouts):
        crediting.start("co_last", "acct", PACKS["starter"])


def test_the_ceiling_of_automatic_top_ups_is_exact_and_a_refused_one_gives_its_part_back(
    house: House, crediting: Crediting
) -> None:
    def start(checkout_id: str) -> None:
        crediting.start(checkout_id, "acct", PACKS["starter"], automatic=True, ceiling_nanos=20 * USD)

    start("auto_1")
    start("auto_2")
    with pytest.raises(AutomaticCeilingReached):
        start("auto_3")
    crediting.fail("auto_2", "card_declined")
    start("auto_3")
    with pytest.raises(AutomaticCeilingReached):
        start("auto_4")


# Money back


def test_refunds_take_their_part_and_all_of_them_take_all(house: House, crediting: Crediting) -> None:
    crediting.credit(PAID)
    assert crediting.refund(settled(crediting), refund(300, "pending"))
    assert not crediting.refund(settled(crediting), refund(300, "succeeded"))
    assert house.available("acct") == 10 * USD - 3_333_333_333
    assert crediting.refund(settled(crediting), refund(300, refund_id="re_2"))
    assert crediting.refund(settled(crediting), refund(300, refund_id="re_3"))
    assert house.available("acct") == 0
    assert house.frozen_for("acct") == frozenset()


def test_a_refund_that_fails_gives_back_what_it_took(house: House, crediting: Crediting) -> None:
    crediting.credit(PAID)
    assert not crediting.refund(settled(crediting), refund(300, "failed"))
    assert not crediting.refund(settled(crediting), refund(300, "requires_action"))
    assert crediting.refund(settled(crediting), refund(300))
    assert crediting.refund(settled(crediting), refund(300, "failed"))
    assert not crediting.refund(settled(crediting), refund(300, "canceled"))
    assert house.available("acct") == 10 * USD
    assert not crediting.refund(settled(crediting), refund(300, "succeeded")), "it failed for good"


def test_a_refund_in_another_currency_is_refused(house: House, crediting: Crediting) -> None:
    crediting.credit(PAID)
    with pytest.raises(PaymentMismatch):
        crediting.refund(settled(crediting), refund(300, currency="eur"))


def test_a_refund_larger_than_what_is_left_freezes_and_a_top_up_thaws(house: House, crediting: Crediting) -> None:
    """The statement tells the story: credit, use, refund, freeze; credit again, thaw."""
    crediting.credit(PAID)
    spend(house, 4 * USD)
    crediting.refund(settled(crediting), refund(900))
    assert house.available("acct") == -4 * USD
    assert house.frozen_for("acct") == {NEGATIVE_BALANCE}
    crediting.start("co_2", "acct", PACKS["bonus"])
    crediting.credit(ReportedPayment("pi_2", "co_2", "acct", 900, "usd"))
    assert house.available("acct") == 6 * USD
    assert house.frozen_for("acct") == frozenset()
    assert kinds(house, CheckoutStarted, CheckoutCompleted) == [
        "TopUpSettled",
        "AdjustmentPosted",
        "RefundPosted",
        "AccountFrozen",
        "TopUpSettled",
        "AccountUnfrozen",
    ]
    house.catch_up()
    rows = house.views.transactions("acct").value
    assert [(row.kind, row.amount_nanos) for row in reversed(rows)] == [
        ("top_up", 10 * USD),
        ("correction", -4 * USD),
        ("refund", -10 * USD),
        ("top_up", 10 * USD),
    ]


def test_a_top_up_that_is_not_enough_leaves_the_freeze(house: House, crediting: Crediting) -> None:
    crediting.credit(PAID)
    spend(house, 10 * USD)
    crediting.refund(settled(crediting), refund(900))
    crediting.start("co_2", "acct", Pack("small", "Small", 100, "usd", USD))
    crediting.credit(ReportedPayment("pi_2", "co_2", "acct", 100, "usd"))
    assert house.available("acct") == -9 * USD
    assert house.frozen_for("acct") == {NEGATIVE_BALANCE}


def test_the_operators_freeze_is_not_lifted_by_money(house: House, crediting: Crediting) -> None:
    from app.accounts.commands import on_account

    on_account(house.ledger, house.codec, "acct", lambda state: accounts.freeze(state, reason="under review"))
    crediting.credit(PAID)
    assert house.frozen_for("acct") == {OPERATOR}


def test_a_dispute_takes_at_its_withdrawal_and_gives_back_when_it_is_won(house: House, crediting: Crediting) -> None:
    crediting.credit(PAID)
    spend(house, USD)
    opened = Dispute("du_1", "pi_1", 900, "usd", withdrawn=False, reinstated=False)
    assert not crediting.dispute(settled(crediting), opened)
    lost = Dispute("du_1", "pi_1", 900, "usd", withdrawn=True, reinstated=False)
    assert crediting.dispute(settled(crediting), lost)
    assert not crediting.dispute(settled(crediting), lost)
    assert house.available("acct") == -USD
    assert house.frozen_for("acct") == {NEGATIVE_BALANCE}
    won = Dispute("du_1", "pi_1", 900, "usd", withdrawn=True, reinstated=True)
    assert crediting.dispute(settled(crediting), won)
    assert house.available("acct") == 9 * USD
    assert house.frozen_for("acct") == frozenset()
    assert kinds(house, CheckoutStarted, CheckoutCompleted, TopUpSettled, AdjustmentPosted) == [
        "FundsWithdrawn",
        "AccountFrozen",
        "FundsReinstated",
        "AccountUnfrozen",
    ]


# Dying


def whole_story(crediting: Crediting) -> None:
    """Everything that may happen to a payment. Each step is a report that may be repeated."""
    crediting.start("co_1", "acct", PACKS["bonus"])
    crediting.expire("co_1")
    crediting.credit(PAID)
    crediting.refund(settled(crediting), refund(450))
    crediting.refund(settled(crediting), refund(450, "failed"))
    crediting.refund(settled(crediting), refund(900, refund_id="re_2"))
    crediting.dispute(settled(crediting), Dispute("du_1", "pi_1", 900, "usd", withdrawn=True, reinstated=True))


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
def test_a_process_may_die_at_any_write_and_the_next_telling_completes_it(house: House, after: bool) -> None:
    crediting, deaths = Crediting(house.ledger, house.codec), 0
    for at in range(1_000):
        house.ledger.dies_in, house.ledger.after = at % 3, after
        try:
            whole_story(crediting)
        except Died:
            deaths += 1
            continue
        break
    house.ledger.dies_in = None
    whole_story(crediting)
    assert deaths
    assert house.available("acct") == 0
    ends = (TopUpSettled, RefundPosted, RefundFailed, FundsWithdrawn, FundsReinstated, CheckoutExpired)
    assert [type(event) for event in house.events() if isinstance(event, ends)] == [
        CheckoutExpired,
        TopUpSettled,
        RefundPosted,
        RefundFailed,
        RefundPosted,
        FundsWithdrawn,
        FundsReinstated,
    ]
    frozen = sum(isinstance(event, AccountFrozen) for event in house.events())
    assert frozen == sum(isinstance(event, AccountUnfrozen) for event in house.events())


# Concurrently, on both engines


def test_many_who_tell_at_once_credit_once(ledger: Ledger) -> None:
    """Eight processes, each telling of the payment and of two refunds: one credit, each refund once, its part exactly."""
    codec = Codec()
    from app.accounts.commands import on_account

    on_account(ledger, codec, "acct", lambda state: accounts.open_account(state, name="Paying"))
    Crediting(ledger, codec).start("co_1", "acct", PACKS["bonus"])
    new: list[bool] = []

    def tell() -> None:
        crediting = Crediting(ledger, codec)
        new.append(crediting.credit(PAID))
        for number in (1, 2, 3):
            crediting.refund(settled(crediting), refund(250, refund_id=f"re_{number}"))

    run_at_once(tell, 8)
    assert sum(new) == 1
    figures = ledger.bucket_values(["available:acct", "returned:pi_1", "returned_credit:pi_1"])
    assert figures == {
        "available:acct": 10 * USD - 8_333_333_333,
        "returned:pi_1": 750,
        "returned_credit:pi_1": 8_333_333_333,
    }


def run_at_once(work: Callable[[], None], times: int) -> None:
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - a thread tells by this list
            failed.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
