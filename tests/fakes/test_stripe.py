"""The fake Stripe against the real library, over a real socket: its answers, lists, faults and signatures."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import stripe

from app.faults import BadSignature, VendorRefused, VendorUnavailable
from app.payments.stripe import SIGNATURE_SECONDS, StripeVendor
from app.payments.vendor import SavedMethod, Session
from domain.events import CheckoutStarted
from tests.fakes.stripe_api import Faults, serving
from tests.fakes.stripe_model import StripeState
from tests.support.payments.paying import KEY, WEBHOOK_SECRET

ORDER = CheckoutStarted("co_1", "acct", "starter", 1000, "usd", 10**10, False)
SAVED = SavedMethod("cus_1", "pm_1")


@asynccontextmanager
async def vendor_of(state: StripeState, *, key: str = KEY, faults: Faults | None = None) -> AsyncIterator[StripeVendor]:
    async with serving(state, KEY, faults) as url:
        vendor = StripeVendor(key, WEBHOOK_SECRET, api_base=url)
        try:
            yield vendor
        finally:
            await vendor.aclose()


async def opened(vendor: StripeVendor, *, save: bool = False, order: CheckoutStarted = ORDER) -> Session:
    return await vendor.open_session(order, product="Starter", return_url="http://127.0.0.1/back", save=save)


async def test_a_session_carries_our_order_and_is_found_by_its_id_and_its_payment() -> None:
    state = StripeState()
    async with vendor_of(state) as vendor:
        session = await opened(vendor)
        assert (session.checkout_id, session.account_id) == ("co_1", "acct")
        assert (session.amount_minor, session.currency, session.paid) == (1000, "usd", False)
        assert session.url is not None
        state.pay(session.session_id)
        paid = await vendor.session(session.session_id)
        assert paid is not None
        assert paid.paid
        assert paid.payment_id == state.succeeded()[0]
        found = await vendor.session_of(paid.payment_id)
        assert found == paid
        assert await vendor.session("cs_none") is None
        assert await vendor.session_of("pi_none") is None


async def test_the_same_checkout_is_the_same_session_also_after_an_answer_that_was_lost() -> None:
    state, faults = StripeState(), Faults(lose_response_after_acting=1)
    async with vendor_of(state, faults=faults) as vendor:
        first = await opened(vendor)
        assert faults.met == ["lose_response_after_acting"]
        assert (await opened(vendor)).session_id == first.session_id
        assert len(state.sessions) == 1
        other = CheckoutStarted("co_1", "acct", "starter", 999, "usd", 10**10, False)
        with pytest.raises(VendorRefused):
            await opened(vendor, order=other)


async def test_a_method_is_saved_where_it_was_asked_for() -> None:
    state = StripeState()
    async with vendor_of(state) as vendor:
        session = await opened(vendor, save=True)
        state.pay(session.session_id)
        paid = await vendor.session(session.session_id)
        assert paid is not None
        assert paid.saved is not None
        assert paid.saved.customer_id.startswith("cus_")


async def test_a_payment_that_takes_days_succeeds_or_fails() -> None:
    state = StripeState()
    async with vendor_of(state) as vendor:
        session = await opened(vendor)
        state.pay_later(session.session_id)
        waiting = await vendor.session(session.session_id)
        assert waiting is not None
        assert (waiting.status, waiting.paid, waiting.failure) == ("complete", False, None)
        state.fail_later(session.session_id)
        failed = await vendor.session(session.session_id)
        assert failed is not None
        assert failed.failure == "payment_failed"


async def test_lists_hold_everything_over_all_their_pages() -> None:
    state = StripeState()
    async with vendor_of(state) as vendor:
        for number in range(230):
            state.create_session(
                {
                    "mode": "payment",
                    "client_reference_id": f"co_{number}",
                    "line_items": [{"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 5}}],
                }
            )
        for session_id in list(state.sessions)[:3]:
            state.pay(session_id)
        found = [session.checkout_id async for session in vendor.sessions(0)]
        assert sorted(map(str, found)) == sorted(f"co_{number}" for number in range(230))
        assert [session async for session in vendor.sessions(state.now + 1)] == []
        assert [notice.type async for notice, _ in vendor.notices(0)].count("checkout.session.completed") == 3


async def test_refunds_and_disputes_are_told_as_they_stand() -> None:
    state = StripeState()
    async with vendor_of(state) as vendor:
        state.pay((await opened(vendor)).session_id)
        [payment_id] = state.succeeded()
        refund_id = state.refund(payment_id, 300, status="pending")
        state.fail_refund(refund_id)
        state.refund(payment_id, 200)
        dispute_id = state.dispute(payment_id, 700)
        assert [refund.status async for refund in vendor.refunds_of(payment_id)] == ["succeeded", "failed"]
        assert [refund.amount_minor async for refund in vendor.refunds(0)] == [200, 300]
        [dispute] = [dispute async for dispute in vendor.disputes_of(payment_id)]
        assert (dispute.withdrawn, dispute.reinstated) == (True, False)
        state.win_dispute(dispute_id)
        won = await vendor.dispute(dispute_id)
        assert won is not None
        assert won.reinstated
        assert [dispute async for dispute in vendor.disputes(0)] == [won]
        assert await vendor.dispute("du_none") is None
        assert (state.refunded_minor("usd"), state.withdrawn_minor("usd")) == (200, 0)


async def test_an_automatic_charge_succeeds_is_declined_or_takes_its_time() -> None:
    state = StripeState()
    state.outcomes = ["succeeded", "card_declined", "authentication_required", "processing"]
    async with vendor_of(state) as vendor:
        orders = [CheckoutStarted(f"auto_{n}", "acct", "starter", 1000, "usd", 10**10, True) for n in range(4)]
        made = [await vendor.charge(order, SAVED) for order in orders]
        assert [(each.status, each.failure) for each in made] == [
            ("succeeded", None),
            ("requires_payment_method", "card_declined"),
            ("requires_payment_method", "authentication_required"),
            ("processing", None),
        ]
        assert await vendor.charge(orders[0], SAVED) == made[0], "the same charge again"
        assert await vendor.charge(orders[1], SAVED) == made[1]
        assert len(state.intents) == 4
        assert await vendor.payment_of("auto_3", SAVED) == made[3]
        assert await vendor.payment_of("auto_9", SAVED) is None
        assert await vendor.payment(made[0].payment_id) == made[0]
        assert len([payment async for payment in vendor.payments(0)]) == 4


@pytest.mark.parametrize(
    ("faults", "key", "raised"),
    [
        (Faults(status_500=9), KEY, VendorUnavailable),
        (Faults(rate_limit=9), KEY, VendorUnavailable),
        (None, "sk_test_anotherAccountsKey00", VendorRefused),
    ],
    ids=["500", "429", "401"],
)
async def test_what_goes_wrong_there_is_told_in_our_words(
    faults: Faults | None, key: str, raised: type[Exception], autojump_clock: Any
) -> None:
    async with vendor_of(StripeState(), key=key, faults=faults) as vendor:
        for ask in (lambda: opened(vendor), lambda: vendor.session("cs_1"), lambda: first(vendor.refunds(0))):
            with pytest.raises(raised) as told:
                await ask()  # type: ignore[no-untyped-call]
            assert key not in str(told.value)


async def first(found: AsyncIterator[object]) -> object:
    return await anext(found, None)


async def test_a_stripe_that_is_not_there_is_unavailable(autojump_clock: Any) -> None:
    vendor = StripeVendor(KEY, WEBHOOK_SECRET, api_base="http://127.0.0.1:9")
    with pytest.raises(VendorUnavailable):
        await vendor.session("cs_1")
    await vendor.aclose()


async def test_only_what_stripe_signed_a_moment_ago_is_believed() -> None:
    state = StripeState()
    async with vendor_of(state) as vendor:
        state.pay((await opened(vendor)).session_id)
        event = state.deliveries[0]
        body, signature = state.signed(event, WEBHOOK_SECRET)
        notice = vendor.verify(body, signature)
        assert (notice.event_id, notice.type, notice.livemode) == (event["id"], event["type"], False)
        stale = state.signed(event, WEBHOOK_SECRET, int(time.time()) - SIGNATURE_SECONDS - 5)
        foreign = state.signed(event, "whsec_" + "a" * 24)
        no_event = b'{"object":"event"}'
        for forged in (
            stale,
            foreign,
            (body + b" ", signature),
            (body, ""),
            (body, None),
            (body, "t=now,v1=x"),
            (body, "v1"),
            (b"\xff\xfe", signature),
            (no_event, stripe.WebhookSignature.generate_signature_header(no_event.decode(), WEBHOOK_SECRET)),
            (b"[]", stripe.WebhookSignature.generate_signature_header("[]", WEBHOOK_SECRET)),
        ):
            with pytest.raises(BadSignature):
                vendor.verify(*forged)
