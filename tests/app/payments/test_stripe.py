"""Our Stripe client: its queries, the bytes that it sends, and how it reads Stripe's objects."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.payments.stripe import TYPES
from app.payments.vendor import Payment, SavedMethod
from domain.events import Tax
from tests.fakes.stripe_api import Faults
from tests.fakes.stripe_model import StripeState
from tests.support.payments.paying import KEY, WEBHOOK_SECRET
from tests.support.payments.wiretap import AUTOMATIC, SAVED, all_of, both_ways, opened, tapped


def declined_intent(state: StripeState) -> Payment:
    [intent] = state.intents.values()
    return Payment(intent["id"], "co_auto_1", "acct_1", "requires_payment_method", 1000, "usd", "insufficient_funds")


# -- Queries ---------------------------------------------------------------------------------------------------------


@both_ways
async def test_a_payment_is_followed_from_its_session_to_its_returns(reached: Any) -> None:
    state = StripeState()
    async with reached(state, Faults()) as vendor:
        session = await opened(vendor, save=True)
        assert (session.status, session.paid, session.payment_id, session.saved) == ("open", False, None, None)
        state.pay(session.session_id)
        [payment_id] = state.succeeded()
        paid = await vendor.session(session.session_id)
        assert (paid.status, paid.paid, paid.amount_minor, paid.payment_id) == ("complete", True, 1000, payment_id)
        assert paid.saved == SavedMethod(
            state.intents[payment_id]["customer"], state.intents[payment_id]["payment_method"]
        )
        assert await vendor.session_of(payment_id) == paid
        payment = Payment(payment_id, "co_1", "acct_1", "succeeded", 1000, "usd")
        assert await vendor.payment(payment_id) == payment
        assert await vendor.payment_of("co_1", paid.saved) == payment
        assert await all_of(vendor.payments(0)) == [payment]
        refund_id, dispute_id = state.refund(payment_id, 300), state.dispute(payment_id, 700)
        [refund] = await all_of(vendor.refunds(0))
        assert (refund.refund_id, refund.payment_id, refund.amount_minor) == (refund_id, payment_id, 300)
        assert await all_of(vendor.refunds_of(payment_id)) == [refund]
        dispute = await vendor.dispute(dispute_id)
        assert (dispute.payment_id, dispute.amount_minor, dispute.withdrawn) == (payment_id, 700, True)
        assert await all_of(vendor.disputes_of(payment_id)) == await all_of(vendor.disputes(0)) == [dispute]
        for nothing in (vendor.session("cs_x"), vendor.session_of("pi_x"), vendor.payment("pi_x"), vendor.dispute("x")):
            assert await nothing is None


@both_ways
async def test_a_declined_charge_is_a_payment_that_failed(reached: Any) -> None:
    state = StripeState()
    state.outcomes = ["insufficient_funds"]
    async with reached(state, Faults()) as vendor:
        charged = await vendor.charge(AUTOMATIC, SAVED)
        assert charged == declined_intent(state)
        assert await vendor.charge(AUTOMATIC, SAVED) == charged, "the same refusal again, and no second attempt"
        assert await vendor.payment_of("co_auto_1", SAVED) == charged, "found by who was charged, too"


@both_ways
async def test_the_log_of_events_is_what_the_webhooks_were(reached: Any) -> None:
    state = StripeState()
    async with reached(state, Faults()) as vendor:
        state.pay((await opened(vendor)).session_id)
        told = await all_of(vendor.notices(0))
        sent = [vendor.verify(*state.signed(event, WEBHOOK_SECRET)) for event in reversed(state.deliveries)]
        assert [notice for notice, _ in told] == sent
        assert [json.loads(payload) for _, payload in told] == list(reversed(state.events))


@both_ways
async def test_a_list_begins_at_the_requested_second(reached: Any) -> None:
    state = StripeState()
    async with reached(state, Faults()) as vendor:
        state.pay((await opened(vendor)).session_id)
        [payment_id] = state.succeeded()
        state.refund(payment_id, 1)
        state.dispute(payment_id, 1)
        for listed in (vendor.sessions, vendor.payments, vendor.refunds, vendor.disputes, vendor.notices):
            assert await all_of(listed(state.now)) != []
            assert await all_of(listed(state.now + 1)) == []


# -- Requests as sent ------------------------------------------------------------------------------------------------


async def test_a_session_is_created_from_our_checkout_and_saves_no_method() -> None:
    _, tap, vendor = tapped()
    await opened(vendor)
    assert tap.requests[-1].headers["idempotency-key"] == "co_1"
    assert tap.form == {
        "mode": "payment",
        "client_reference_id": "co_1",
        "metadata[checkout_id]": "co_1",
        "metadata[account_id]": "acct_1",
        "payment_intent_data[metadata][checkout_id]": "co_1",
        "payment_intent_data[metadata][account_id]": "acct_1",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "1000",
        "line_items[0][price_data][product_data][name]": "Starter",
        "success_url": "http://127.0.0.1/back?checkout=co_1",
        "cancel_url": "http://127.0.0.1/back?checkout=co_1&left=1",
    }


async def test_a_method_is_kept_for_what_happens_off_session_and_only_on_request() -> None:
    _, tap, vendor = tapped()
    await opened(vendor, save=True)
    assert tap.form["payment_intent_data[setup_future_usage]"] == "off_session"
    assert tap.form["customer_creation"] == "always"


async def test_a_charge_is_confirmed_off_session_under_its_checkout() -> None:
    _, tap, vendor = tapped()
    await vendor.charge(AUTOMATIC, SAVED)
    assert tap.requests[-1].headers["idempotency-key"] == "co_auto_1"
    assert tap.form == {
        "amount": "1000",
        "currency": "usd",
        "customer": "cus_1",
        "payment_method": "pm_1",
        "off_session": "true",
        "confirm": "true",
        "metadata[checkout_id]": "co_auto_1",
        "metadata[account_id]": "acct_1",
    }


async def test_the_event_log_is_queried_for_the_known_types() -> None:
    _, tap, vendor = tapped()
    await all_of(vendor.notices(7))
    asked = parse_qs(urlsplit(str(tap.requests[-1].url)).query)
    assert asked["created[gte]"] == ["7"]
    assert [asked[f"types[{index}]"] for index in range(len(TYPES))] == [[type_] for type_ in TYPES]


async def test_every_call_carries_the_key_and_only_in_its_header() -> None:
    _, tap, vendor = tapped()
    await vendor.session("cs_1")
    [request] = tap.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in str(request.url)


# -- Reading objects -------------------------------------------------------------------------------------------------


async def test_an_expired_session_is_over_and_unpaid() -> None:
    state, _, vendor = tapped()
    session = await opened(vendor)
    state.expire(session.session_id)
    there = await vendor.session(session.session_id)
    assert there is not None
    assert (there.status, there.paid, there.failure) == ("expired", False, None)


async def test_a_payment_that_was_canceled_has_failed_for_good() -> None:
    state, _, vendor = tapped()
    made = await vendor.charge(AUTOMATIC, SAVED)
    state.intents[made.payment_id]["status"] = "canceled"
    there = await vendor.payment(made.payment_id)
    assert there is not None
    assert (there.status, there.failure) == ("canceled", "canceled")


async def test_payments_of_other_shops_on_the_same_stripe_account_are_passed_over() -> None:
    state, _, vendor = tapped()
    theirs = state.create_intent({"amount": "5", "currency": "usd"})
    ours = await vendor.charge(AUTOMATIC, SAVED)
    assert await all_of(vendor.payments(0)) == [ours]
    foreign = await vendor.payment(theirs["id"])
    assert foreign is not None
    assert (foreign.checkout_id, foreign.account_id) == (None, None)


async def test_an_inquiry_has_taken_nothing() -> None:
    state, _, vendor = tapped()
    made = await vendor.charge(AUTOMATIC, SAVED)
    dispute_id = state.dispute(made.payment_id, 1000)
    state.disputes[dispute_id] |= {"status": "warning_needs_response", "balance_transactions": []}
    there = await vendor.dispute(dispute_id)
    assert there is not None
    assert (there.withdrawn, there.reinstated) == (False, False)


# -- Tax --------------------------------------------------------------------------------------------------------------

GERMANY = {"address": {"country": "DE"}, "tax_exempt": "none"}
COMPLETE = {"enabled": True, "status": "complete"}


@pytest.mark.parametrize(
    ("said", "tax"),
    [
        ({}, None),
        ({"customer_details": None, "total_details": {"amount_tax": 0}}, None),
        ({"customer_details": GERMANY, "total_details": {"amount_tax": 0}}, Tax("DE", "unknown", None)),
        ({"customer_details": GERMANY, "total_details": {"amount_tax": 160}}, Tax("DE", "taxed", 160)),
        ({"automatic_tax": COMPLETE, "total_details": {"amount_tax": 0}}, Tax(None, "zero", 0)),
        ({"automatic_tax": {"enabled": True, "status": "failed"}, "customer_details": {"address": None}}, None),
        (
            {"automatic_tax": COMPLETE, "customer_details": {**GERMANY, "tax_exempt": "reverse"}},
            Tax("DE", "reverse_charge", 0),
        ),
        ({"automatic_tax": COMPLETE, "customer_details": {**GERMANY, "tax_exempt": "exempt"}}, Tax("DE", "exempt", 0)),
    ],
)
@both_ways
async def test_what_is_said_of_a_sessions_tax_is_kept(reached: Any, said: dict[str, Any], tax: Tax | None) -> None:
    state = StripeState()
    async with reached(state, Faults()) as vendor:
        session = await opened(vendor)
        state.pay(session.session_id)
        state.sessions[session.session_id] |= said
        assert (await vendor.session(session.session_id)).tax == tax
