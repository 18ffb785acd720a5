"""A webhook causes a look-up at the processor, and never a credit by itself. No stored webhook is lost."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from app.faults import BadSignature, VendorUnavailable
from app.payments.inbox import CLAIM_SECONDS, KEPT_DAYS, RETRY_SECONDS_FIRST
from app.payments.processing import Processing
from app.payments.service import named_checkout
from domain.errors import AlreadyExists, InvalidValue
from domain.events import CheckoutExpired, CheckoutFailed, CheckoutStarted, TopUpSettled
from tests.fakes.stripe_api import FakeTransport
from tests.fakes.stripe_model import StripeState
from tests.support.payments.paying import KEY, WEBHOOK_SECRET, House, InlinePayments, stripe_over

USD = 10**9


class World:
    """One account, one process, one processor."""

    def __init__(self, folder: Path) -> None:
        self.house = House(folder)
        self.state = StripeState()
        self.transport = FakeTransport(self.state, KEY)
        self.payments: InlinePayments = self.house.process(stripe_over(self.transport))
        self.account = self.house.account("acct")

    async def begun(self, checkout_id: str = "co_1", pack: str = "starter") -> str:
        """A checkout, and its session at the processor."""
        await self.payments.begin(checkout_id, "acct", pack, save=False)
        return list(self.state.sessions)[-1]

    async def deliver(self, event: dict[str, Any]) -> bool:
        return await self.payments.take_in(*self.state.signed(event, WEBHOOK_SECRET))

    async def deliver_all(self) -> None:
        for event in self.state.deliveries:
            await self.deliver(event)
        self.state.deliveries.clear()
        await self.house.drain(self.payments)

    def outcomes(self) -> list[str]:
        rows = self.house.ledger.select("SELECT outcome FROM payment_inbox ORDER BY received_at_micros, event_id")
        return [str(row[0]) for row in rows]

    def credited(self) -> int:
        return sum(isinstance(event, TopUpSettled) for event in self.house.events())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    assert world.house.replayed().differences == ()
    world.house.close()


async def test_a_paid_session_is_credited_whichever_announcement_comes_first(world: World) -> None:
    world.state.pay(await world.begun())
    world.state.deliveries.reverse()
    await world.deliver_all()
    assert world.house.available("acct") == 10 * USD
    assert world.credited() == 1


async def test_an_announcement_that_comes_again_is_kept_once(world: World) -> None:
    world.state.pay(await world.begun())
    [event, _] = world.state.deliveries
    assert await world.deliver(event)
    assert not await world.deliver(event)
    await world.house.drain(world.payments)
    assert not await world.deliver(event)
    await world.house.drain(world.payments)
    assert (world.credited(), len(world.outcomes())) == (1, 1)


async def test_a_session_that_is_complete_but_not_paid_waits_for_its_money(world: World) -> None:
    session_id = await world.begun()
    world.state.pay_later(session_id)
    await world.deliver_all()
    assert world.credited() == 0
    world.state.settle_later(session_id)
    await world.deliver_all()
    assert world.house.available("acct") == 10 * USD


async def test_a_session_that_failed_or_expired_is_written_down(world: World) -> None:
    later = await world.begun("co_1")
    world.state.pay_later(later)
    world.state.fail_later(later)
    world.state.expire(await world.begun("co_2"))
    await world.deliver_all()
    ends = [event for event in world.house.events() if isinstance(event, CheckoutFailed | CheckoutExpired)]
    assert [type(event) for event in ends] == [CheckoutFailed, CheckoutExpired]


def changed(event: dict[str, Any], **members: Any) -> dict[str, Any]:
    forged = copy.deepcopy(event)
    forged["data"]["object"] |= members
    return forged


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"amount_total": 100_000}, "amount"),
        ({"amount_total": 1}, "amount"),
        ({"currency": "jpy"}, "currency"),
        ({"metadata": {"checkout_id": "co_1", "account_id": "somebody_else"}}, "account"),
        ({"metadata": {}}, "account"),
    ],
)
async def test_an_announcement_of_what_was_not_ordered_is_refused_and_logged(
    world: World, members: dict[str, Any], what: str
) -> None:
    """It is signed; the processor itself has the right figures; and nothing is credited for this telling."""
    world.state.pay(await world.begun())
    completed = next(each for each in world.state.deliveries if each["type"] == "checkout.session.completed")
    with structlog.testing.capture_logs() as logs:
        await world.deliver(changed(completed, **members))
        await world.house.drain(world.payments)
    assert world.credited() == 0
    [outcome] = world.outcomes()
    assert outcome.startswith(f"refused: This payment's {what} is")
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["payment refused"]


async def test_what_the_processor_itself_has_wrong_is_refused_too(world: World) -> None:
    session_id = await world.begun()
    world.state.pay(session_id)
    [completed] = [each for each in world.state.deliveries if each["type"] == "checkout.session.completed"]
    for members in ({"amount_total": 5}, {"currency": "eur"}, {"metadata": {"account_id": "other"}}):
        before = dict(world.state.sessions[session_id])
        world.state.sessions[session_id] |= members
        assert (
            await world.payments.settle_session(_session(await world.payments.vendor.session(session_id)))
        ).startswith("refused")
        world.state.sessions[session_id] = before
    assert world.credited() == 0
    await world.deliver(completed)
    await world.house.drain(world.payments)
    assert world.credited() == 1


def _session(found: Any) -> Any:
    assert found is not None
    return found


async def test_an_announcement_for_another_stripe_account_or_mode_is_refused(world: World) -> None:
    world.state.pay(await world.begun())
    completed = world.state.deliveries[1]
    await world.deliver({**completed, "account": "acct_connected"})
    await world.house.drain(world.payments)
    assert world.outcomes()[0].startswith("refused: This payment's account")
    with pytest.raises(BadSignature):
        await world.deliver({**completed, "livemode": True})
    assert world.credited() == 0


async def test_what_is_not_ours_is_left_alone(world: World) -> None:
    world.state.pay(await world.begun())
    completed = world.state.deliveries[1]
    for number, (type_, document) in enumerate(
        [
            ("checkout.session.completed", {"id": "cs_other", "amount_total": 5, "currency": "usd", "metadata": {}}),
            ("checkout.session.completed", {"id": "cs", "client_reference_id": "co_other", "metadata": {}}),
            ("payment_intent.succeeded", {"id": "pi_other", "metadata": {}}),
            ("charge.refunded", {"id": "ch_other", "payment_intent": "pi_other"}),
            ("charge.refunded", {"id": "ch_other", "payment_intent": None}),
            ("charge.dispute.created", {"id": "du_other", "payment_intent": {"id": "pi_other"}}),
            ("customer.created", {"id": "cus_other"}),
        ]
    ):
        await world.deliver({**completed, "id": f"evt_{number}", "type": type_, "data": {"object": document}})
    await world.house.drain(world.payments)
    assert set(world.outcomes()) == {"not ours", "ignored"}
    assert [type(event) for event in world.house.events()[1:]] == [CheckoutStarted]


async def test_a_processor_out_of_reach_leaves_the_announcement_to_be_tried_again(world: World) -> None:
    world.state.pay(await world.begun())
    world.transport.faults.status_500 = 2
    await world.deliver(world.state.deliveries[1])
    await world.house.drain(world.payments)
    assert world.outcomes() == ["postponed: VendorUnavailable: APIError (500)"]
    assert await Processing(world.payments).drain() == 0, "not yet"
    world.house.pass_time(RETRY_SECONDS_FIRST + 1)
    await world.house.drain(world.payments)
    assert "(500)" in world.outcomes()[0]
    world.house.pass_time(2 * RETRY_SECONDS_FIRST + 1)
    await world.house.drain(world.payments)
    assert (world.outcomes(), world.credited()) == (["credited"], 1)


async def test_an_unprocessed_row_never_blocks_a_retry(world: World) -> None:
    """Claimed by a process that died, or postponed for long: if the webhook arrives again, it is due soon."""
    world.state.pay(await world.begun())
    event = world.state.deliveries[1]
    await world.deliver(event)
    for _ in range(12):
        [claimed] = world.payments.inbox.claim(1)
        world.payments.inbox.postpone(claimed, "waits")
        world.house.pass_time(4_000)
    [claimed] = world.payments.inbox.claim(1)
    world.payments.inbox.postpone(claimed, "waits")
    world.house.pass_time(CLAIM_SECONDS + 1)
    assert await Processing(world.payments).drain() == 0
    await world.deliver(event)
    world.house.pass_time(CLAIM_SECONDS + 1)
    await world.house.drain(world.payments)
    assert world.credited() == 1


async def test_a_document_that_makes_no_sense_waits_and_stops_no_other(world: World) -> None:
    world.state.pay(await world.begun())
    broken = {**world.state.deliveries[1], "id": "evt_0", "data": {"object": {"id": ["?"], "client_reference_id": 7}}}
    await world.deliver(broken)
    await world.deliver(world.state.deliveries[1])
    await world.house.drain(world.payments)
    assert world.credited() == 1


async def test_the_inbox_forgets_after_its_time_and_counts_what_waits(world: World) -> None:
    world.state.pay(await world.begun())
    await world.deliver(world.state.deliveries[0])
    assert world.payments.inbox.waiting() == 1
    assert world.payments.inbox.purge() == 0
    world.house.pass_time(KEPT_DAYS * 86_400 + 1)
    assert world.payments.inbox.purge() == 1
    assert world.outcomes() == []


async def test_a_document_is_kept_as_it_came(world: World) -> None:
    world.state.pay(await world.begun())
    body, signature = world.state.signed(world.state.deliveries[0], WEBHOOK_SECRET)
    await world.payments.take_in(body, signature)
    [(kept,)] = world.house.ledger.select("SELECT payload FROM payment_inbox")
    assert bytes(kept) == body
    assert msgspec.json.decode(kept)["id"] == world.state.deliveries[0]["id"]


# Beginning and looking


async def test_a_checkout_begun_again_is_the_same_session(world: World) -> None:
    checkout_id = named_checkout("acct", "my-key")
    first = await world.payments.begin(checkout_id, "acct", "starter", save=False)
    world.transport.faults.lose_response_after_acting = 1
    with pytest.raises(VendorUnavailable):
        await world.payments.begin("co_2", "acct", "bonus", save=False)
    again = await world.payments.begin(checkout_id, "acct", "starter", save=False)
    assert again == first
    await world.payments.begin("co_2", "acct", "bonus", save=False)
    assert len(world.state.sessions) == 2
    assert named_checkout("other", "my-key") != checkout_id


@pytest.mark.parametrize("act", ["pay", "pay_later", "expire"])
async def test_a_checkout_that_is_over_is_never_opened_again(world: World, act: str) -> None:
    """The processor has forgotten its idempotency keys by then: it would open a second session, which could be paid."""
    session_id = await world.begun("co_1")
    getattr(world.state, act)(session_id)
    for later in (0, 86_401):
        world.state.now += later
        world.house.pass_time(later)
        with pytest.raises(AlreadyExists):
            await world.payments.begin("co_1", "acct", "starter", save=False)
    assert len(world.state.sessions) == 1


async def test_a_checkout_whose_session_was_never_heard_of_is_not_opened_after_a_day(world: World) -> None:
    world.transport.faults.lose_response_after_acting = 1
    with pytest.raises(VendorUnavailable):
        await world.payments.begin("co_1", "acct", "starter", save=False)
    world.state.now += 86_401
    world.house.pass_time(86_401)
    with pytest.raises(AlreadyExists):
        await world.payments.begin("co_1", "acct", "starter", save=False)
    assert len(world.state.sessions) == 1


async def test_an_open_checkout_begun_again_a_day_later_is_the_session_it_has(world: World) -> None:
    first = await world.payments.begin("co_1", "acct", "starter", save=False)
    world.state.now += 86_401
    world.house.pass_time(86_401)
    assert await world.payments.begin("co_1", "acct", "starter", save=False) == first
    assert len(world.state.sessions) == 1


async def test_there_is_no_pack_but_those_that_are_sold(world: World) -> None:
    with pytest.raises(InvalidValue) as refused:
        await world.payments.begin("co_1", "acct", "gold", save=False)
    assert refused.value.field == "pack"
    assert world.transport.asked == []


async def test_the_page_that_waits_settles_without_any_webhook(world: World) -> None:
    session_id = await world.begun()
    world.state.pay(session_id)
    session = await world.payments.look(world.payments.crediting.checkout("co_1"))
    assert session is not None
    assert session.paid
    assert world.house.available("acct") == 10 * USD
    asked = len(world.transport.asked)
    assert await world.payments.look(world.payments.crediting.checkout("co_1")) is None, "a moment ago"
    assert len(world.transport.asked) == asked


async def test_looking_up_a_checkout_at_an_unreachable_processor_returns_nothing(world: World) -> None:
    await world.begun()
    world.transport.faults.status_500 = 1
    assert await world.payments.look(world.payments.crediting.checkout("co_1")) is None
    assert await world.payments.look(world.payments.crediting.checkout("co_9")) is None


# Money back


async def test_a_refund_reported_before_its_payment_is_credited_credits_the_payment_first(world: World) -> None:
    world.state.pay(await world.begun())
    [payment_id] = world.state.succeeded()
    world.state.deliveries.clear()
    world.state.refund(payment_id, 400)
    await world.deliver_all()
    assert world.house.available("acct") == 6 * USD


async def test_a_dispute_is_followed_to_its_end(world: World) -> None:
    world.state.pay(await world.begun())
    [payment_id] = world.state.succeeded()
    dispute_id = world.state.dispute(payment_id, 1000)
    await world.deliver_all()
    assert world.house.available("acct") == 0
    world.state.win_dispute(dispute_id)
    await world.deliver_all()
    assert world.house.available("acct") == 10 * USD
