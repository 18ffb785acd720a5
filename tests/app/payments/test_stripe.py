"""Stripe's client of ours: what it writes on the wire, how each way to fail is told, and whose webhooks it believes."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from app.payments.stripe import RETRIES, TYPES, StripeVendor
from app.payments.vendor import BadSignature, Payment, Saved, Session, VendorRefused, VendorUnavailable
from domain.events import CheckoutStarted
from tests.fakes.scripted_upstream import serve
from tests.fakes.stripe_api import FakeTransport, Faults, serving
from tests.fakes.stripe_model import StripeState
from tests.fakes.upstream_script import Abort, Close, Head, Send, Stall, Step
from tests.support.paying import KEY, WEBHOOK_SECRET, stripe_over

ORDER = CheckoutStarted("co_1", "acct_1", "starter", 1000, "usd", 10**10, False)
AUTOMATIC = CheckoutStarted("co_auto_1", "acct_1", "starter", 1000, "usd", 10**10, True)
SAVED = Saved("cus_1", "pm_1")
THEIR_WORDS = "Their words, with sk_test_secret in them"
Ask = Callable[[StripeVendor], Awaitable[object]]


class Wiretap(httpx.AsyncBaseTransport):
    """Keeps what was asked, and answers as `inner` does or with `answers`, one each."""

    def __init__(self, inner: httpx.AsyncBaseTransport, *answers: tuple[int, Any]) -> None:
        self._inner = inner
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        if self._answers:
            status, told = self._answers.pop(0)
            return httpx.Response(status, content=told if isinstance(told, bytes) else json.dumps(told).encode())
        return await self._inner.handle_async_request(request)

    @property
    def form(self) -> dict[str, str]:
        """The last body, flat."""
        return {name: values[0] for name, values in parse_qs(self.requests[-1].content.decode()).items()}


def tapped(*answers: tuple[int, Any]) -> tuple[StripeState, Wiretap, StripeVendor]:
    state = StripeState()
    tap = Wiretap(FakeTransport(state, KEY), *answers)
    return state, tap, stripe_over(tap)


@asynccontextmanager
async def over_a_socket(state: StripeState, faults: Faults) -> AsyncIterator[StripeVendor]:
    async with serving(state, KEY, faults) as url:
        vendor = StripeVendor(KEY, WEBHOOK_SECRET, api_base=url)
        yield vendor
        await vendor.aclose()


@asynccontextmanager
async def in_the_process(state: StripeState, faults: Faults) -> AsyncIterator[StripeVendor]:
    transport = FakeTransport(state, KEY)
    transport.faults = faults
    vendor = stripe_over(transport)
    yield vendor
    await vendor.aclose()


both_ways = pytest.mark.parametrize("reached", [over_a_socket, in_the_process], ids=["socket", "transport"])


async def opened(vendor: StripeVendor, *, save: bool = False) -> Session:
    return await vendor.open_session(ORDER, product="Starter", return_url="http://127.0.0.1/back", save=save)


async def all_of(found: AsyncIterator[Any]) -> list[Any]:
    return [each async for each in found]


def declined_intent(state: StripeState) -> Payment:
    [intent] = state.intents.values()
    return Payment(intent["id"], "co_auto_1", "acct_1", "requires_payment_method", 1000, "usd", "insufficient_funds")


# -- What is asked, either way ---------------------------------------------------------------------------------------


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
        assert paid.saved == Saved(state.intents[payment_id]["customer"], state.intents[payment_id]["payment_method"])
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
async def test_a_list_begins_at_the_second_that_was_asked_for(reached: Any) -> None:
    state = StripeState()
    async with reached(state, Faults()) as vendor:
        state.pay((await opened(vendor)).session_id)
        [payment_id] = state.succeeded()
        state.refund(payment_id, 1)
        state.dispute(payment_id, 1)
        for listed in (vendor.sessions, vendor.payments, vendor.refunds, vendor.disputes, vendor.notices):
            assert await all_of(listed(state.now)) != []
            assert await all_of(listed(state.now + 1)) == []


# -- What is written on the wire -------------------------------------------------------------------------------------


async def test_a_session_is_asked_for_with_our_order_and_keeps_no_method() -> None:
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


async def test_the_log_is_asked_for_the_types_that_we_know() -> None:
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


# -- What objects say ------------------------------------------------------------------------------------------------


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


# -- What goes wrong -------------------------------------------------------------------------------------------------

ASKS: dict[str, Ask] = {
    "open_session": opened,
    "session": lambda vendor: vendor.session("cs_1"),
    "session_of": lambda vendor: vendor.session_of("pi_1"),
    "sessions": lambda vendor: all_of(vendor.sessions(0)),
    "charge": lambda vendor: vendor.charge(AUTOMATIC, SAVED),
    "payment": lambda vendor: vendor.payment("pi_1"),
    "payment_of": lambda vendor: vendor.payment_of("co_1", SAVED),
    "payments": lambda vendor: all_of(vendor.payments(0)),
    "refunds_of": lambda vendor: all_of(vendor.refunds_of("pi_1")),
    "refunds": lambda vendor: all_of(vendor.refunds(0)),
    "dispute": lambda vendor: vendor.dispute("dp_1"),
    "disputes_of": lambda vendor: all_of(vendor.disputes_of("pi_1")),
    "disputes": lambda vendor: all_of(vendor.disputes(0)),
    "notices": lambda vendor: all_of(vendor.notices(0)),
}
every_call = pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS.keys())


def error(type: str, **more: Any) -> Any:
    return {"error": {"type": type, "message": THEIR_WORDS, **more}}


@pytest.mark.parametrize(
    ("status", "told", "raised"),
    [
        (400, error("invalid_request_error", code="parameter_missing", param="amount"), VendorRefused),
        (400, error("idempotency_error"), VendorRefused),
        (401, error("invalid_request_error"), VendorRefused),
        (403, error("invalid_request_error"), VendorRefused),
        (409, error("invalid_request_error", code="lock_timeout"), VendorUnavailable),
        (429, error("invalid_request_error", code="rate_limit"), VendorUnavailable),
        (500, error("api_error"), VendorUnavailable),
        (503, error("api_error"), VendorUnavailable),
        (502, b"<html>Bad gateway</html>", VendorUnavailable),
        (200, b"<html>Hotel login</html>", VendorUnavailable),
        (200, b"", VendorUnavailable),
    ],
)
@every_call
async def test_every_call_tells_an_error_in_our_words(
    ask: Ask, status: int, told: Any, raised: type[Exception]
) -> None:
    _, _, vendor = tapped((status, told))
    with pytest.raises(raised) as caught:
        await ask(vendor)
    assert THEIR_WORDS not in str(caught.value)
    assert KEY not in str(caught.value)


async def test_a_card_error_without_a_payment_is_a_refusal() -> None:
    _, _, vendor = tapped((402, error("card_error", code="expired_card")))
    with pytest.raises(VendorRefused, match="expired_card"):
        await vendor.charge(AUTOMATIC, SAVED)


async def test_what_a_refusal_names_is_a_code_or_a_parameter() -> None:
    _, _, vendor = tapped((400, error("invalid_request_error", param="line_items[0][price_data]")))
    with pytest.raises(VendorRefused) as caught:
        await opened(vendor)
    assert str(caught.value) == "InvalidRequestError: line_items[0][price_data]"


@both_ways
async def test_a_call_whose_answer_was_lost_is_the_same_call_again(reached: Any, autojump_clock: Any) -> None:
    state, faults = StripeState(), Faults(lose_response_after_acting=1 + RETRIES)
    async with reached(state, faults) as vendor:
        with pytest.raises(VendorUnavailable):
            while faults.lose_response_after_acting:
                await vendor.charge(AUTOMATIC, SAVED)
        faults.clear()
        made = await vendor.charge(AUTOMATIC, SAVED)
        assert list(state.intents) == [made.payment_id]


CUT = Head(200, (("content-type", "application/json"), ("content-length", "1000")))


@pytest.mark.parametrize(
    "script", [[Close()], [Abort()], [Stall()], [CUT, Send(b'{"id"'), Close()], [CUT, Stall()]], ids=str
)
@pytest.mark.parametrize("name", ["open_session", "session", "charge"])
async def test_a_connection_that_breaks_is_tried_again_under_one_key(
    name: str, script: list[Step], autojump_clock: Any
) -> None:
    async with serve(lambda request: script) as upstream:
        vendor = StripeVendor(KEY, WEBHOOK_SECRET, api_base=upstream.origin)
        with pytest.raises(VendorUnavailable, match="APIConnectionError"):
            await ASKS[name](vendor)
        await vendor.aclose()
        assert len(upstream.requests) == 1 + RETRIES
        assert len({request.header("idempotency-key") for request in upstream.requests}) == 1


# -- Whom it believes ------------------------------------------------------------------------------------------------


def by_stripe(body: str, secret: str = WEBHOOK_SECRET) -> tuple[bytes, str]:
    return body.encode(), stripe.WebhookSignature.generate_signature_header(body, secret)


EVENT: dict[str, Any] = {"id": "evt_1", "object": "event", "type": "x", "data": {"object": {"id": "cs_1"}}}


def test_a_notice_is_what_was_signed() -> None:
    _, _, vendor = tapped()
    notice = vendor.verify(*by_stripe(json.dumps({**EVENT, "livemode": True, "account": "acct_other"})))
    assert (notice.event_id, notice.type, notice.account, notice.livemode) == ("evt_1", "x", "acct_other", True)


def test_one_good_signature_among_several_is_enough_while_a_secret_is_rolled() -> None:
    _, _, vendor = tapped()
    body, good = by_stripe(json.dumps(EVENT))
    instant, signature = good.split(",")
    assert vendor.verify(body, f"{instant},v1={'0' * 64},{signature}").event_id == "evt_1"


@pytest.mark.parametrize(
    "body", ["null", "1", '"x"', "[]", "{}", "{", "", '{"id":"evt_1"}', '{"id":"evt_1","type":"x","data":null}']
)
def test_what_is_signed_and_is_no_event_is_not_taken(body: str) -> None:
    _, _, vendor = tapped()
    with pytest.raises(BadSignature):
        vendor.verify(*by_stripe(body))


@pytest.mark.parametrize("name", ["object", "data", "id", "type"])
def test_an_event_that_lacks_what_makes_it_one_is_not_taken(name: str) -> None:
    _, _, vendor = tapped()
    lacking = {each: value for each, value in EVENT.items() if each != name}
    if name == "object":
        lacking["data"] = {}
    with pytest.raises(BadSignature):
        vendor.verify(*by_stripe(json.dumps(lacking)))


@given(body=st.binary(max_size=60), header=st.none() | st.text(max_size=60))
def test_no_garbage_is_believed_and_none_breaks_it(body: bytes, header: str | None) -> None:
    with pytest.raises(BadSignature):
        BELIEVING.verify(body, header)


@given(signature=st.text(max_size=70), seconds=st.integers(-(10**20), 10**20))
def test_no_guess_is_believed(signature: str, seconds: int) -> None:
    for at in (seconds, int(time.time())):
        with pytest.raises(BadSignature):
            BELIEVING.verify(json.dumps(EVENT).encode(), f"t={at},v1={signature}")


BELIEVING = stripe_over(FakeTransport(StripeState(), KEY))
