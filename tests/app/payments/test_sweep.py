"""The sweep corrects everything that another report of a payment corrects, and lists the rest."""

from __future__ import annotations

from pathlib import Path

from app.payments.sweep import Discrepancy
from domain.events import CheckoutCompleted, TopUpSettled, checkout_stream, payment_stream
from tests.app.payments.test_processing import USD, World, world
from tests.support.ledger.histories import Book, checkout

__all__ = ["world"]


async def test_a_payment_that_no_webhook_reported_is_credited_and_listed(world: World) -> None:
    world.state.pay(await world.begun("co_1"))
    world.state.expire(await world.begun("co_2"))
    [payment_id] = world.state.succeeded()
    world.state.refund(payment_id, 100)
    world.state.deliveries.clear()
    report = await world.house.sweep(world.payments)
    assert report.ok
    assert report.checked == 1
    assert world.house.available("acct") == 9 * USD
    assert (report.theirs["usd"].paid_minor, report.theirs["usd"].returned_minor) == (1000, 100)
    assert report.ours == report.theirs
    again = await world.house.sweep(world.payments)
    assert again.put_right == ()


async def test_old_failures_are_found_in_the_processors_own_log(world: World) -> None:
    """A refund that fails long after it was begun is in no list of new refunds."""
    world.state.pay(await world.begun())
    [payment_id] = world.state.succeeded()
    refund_id = world.state.refund(payment_id, 1000)
    await world.deliver_all()
    for each in (*world.state.refunds.values(), *world.state.sessions.values(), *world.state.intents.values()):
        each["created"] -= 60 * 86_400
    world.state.fail_refund(refund_id)
    world.state.deliveries.clear()
    from app.payments.sweep import PaymentSweep

    world.house.catch_up()
    await PaymentSweep(world.payments, world.house.views).reconcile(world.state.now - 86_400)
    assert world.house.available("acct") == 10 * USD


async def test_a_credit_that_the_processor_does_not_know_is_listed(world: World) -> None:
    order = checkout("co_ghost", "acct")
    book = Book(world.house.ledger)
    book.say(checkout_stream("co_ghost"), order)
    book.say(checkout_stream("co_ghost"), CheckoutCompleted("co_ghost", "acct", "pi_ghost"))
    book.say(payment_stream("pi_ghost"), TopUpSettled("pi_ghost", "acct", "co_ghost", 900, "usd", 10 * USD))
    report = await world.house.sweep(world.payments)
    assert report.differences == (Discrepancy("payment", "pi_ghost", "900", "none"),)
    assert not report.ok


async def test_a_payment_of_a_checkout_that_the_ledger_has_lost_is_listed(world: World) -> None:
    session_id = await world.begun()
    world.state.sessions[session_id] |= {"client_reference_id": "co_lost"}
    world.state.sessions[session_id]["metadata"] = {"checkout_id": "co_lost", "account_id": "acct"}
    world.state.pay(session_id)
    [payment_id] = world.state.succeeded()
    world.state.intents[payment_id]["metadata"] = {"checkout_id": "co_lost", "account_id": "acct"}
    report = await world.house.sweep(world.payments)
    assert report.differences == (Discrepancy("unknown order", payment_id, "none", "1000 usd"),)


async def test_a_payment_that_is_not_its_order_is_listed_and_not_credited(world: World) -> None:
    session_id = await world.begun()
    world.state.sessions[session_id]["amount_total"] = 500
    world.state.pay(session_id)
    report = await world.house.sweep(world.payments)
    assert {difference.what for difference in report.differences} == {"order", "payment"}
    assert world.credited() == 0


async def test_a_return_that_differs_is_listed(world: World) -> None:
    world.state.pay(await world.begun())
    [payment_id] = world.state.succeeded()
    await world.deliver_all()
    refund_id = world.state.refund(payment_id, 300)
    await world.deliver_all()
    del world.state.refunds[refund_id]
    world.state.events.clear()
    report = await world.house.sweep(world.payments)
    assert report.differences == (Discrepancy("returned", payment_id, "300", "0"),)


async def test_the_schedule_is_kept_by_one_process_at_a_time(world: World, tmp_path: Path) -> None:
    from app.payments.sweep import SWEEP_SECONDS, PaymentSweep

    world.state.pay(await world.begun())
    sweep, other = (PaymentSweep(world.payments, world.house.views) for _ in range(2))
    await sweep.turn()
    asked = len(world.transport.asked)
    await other.turn()
    assert len(world.transport.asked) == asked
    assert world.credited() == 1
    world.house.pass_time(SWEEP_SECONDS + 1)
    await other.turn()
    assert len(world.transport.asked) > asked


async def test_a_processor_out_of_reach_ends_a_scheduled_sweep_quietly(world: World) -> None:
    from app.payments.sweep import PaymentSweep

    world.transport.faults.status_500 = 99
    await PaymentSweep(world.payments, world.house.views).turn()
