"""Every way in which Stripe or the network can fail: each is mapped to one of our errors, and retried under one idempotency key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from app.faults import VendorRefused, VendorUnavailable
from app.payments.stripe import RETRIES, TIMEOUT_SECONDS, StripeVendor
from tests.fakes.scripted_upstream import serve
from tests.fakes.stripe_api import Faults
from tests.fakes.stripe_model import StripeState
from tests.fakes.upstream_script import Abort, Close, Head, Send, Stall, Step
from tests.support.payments.paying import KEY, WEBHOOK_SECRET
from tests.support.payments.wiretap import AUTOMATIC, SAVED, all_of, both_ways, opened, tapped

THEIR_WORDS = "Their words, with sk_test_secret in them"
Ask = Callable[[StripeVendor], Awaitable[object]]
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
async def test_every_call_maps_an_error_to_one_of_ours(
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
        while faults.lose_response_after_acting:
            with pytest.raises(VendorUnavailable):
                await vendor.charge(AUTOMATIC, SAVED)
        faults.clear()
        made = await vendor.charge(AUTOMATIC, SAVED)
        assert list(state.intents) == [made.payment_id]


PAUSES_SECONDS_MAX = 10.0
"""Of the library, between its tries."""
CUT = Head(200, (("content-type", "application/json"), ("content-length", "1000")))


@pytest.mark.parametrize(
    "script", [[Close()], [Abort()], [Stall()], [CUT, Send(b'{"id"'), Close()], [CUT, Stall()]], ids=str
)
@pytest.mark.parametrize("name", ["open_session", "session", "charge"])
async def test_a_connection_that_breaks_is_tried_again_under_one_key(
    name: str, script: list[Step], autojump_clock: Any
) -> None:
    async with serve(lambda request: script) as upstream:
        vendor, began = StripeVendor(KEY, WEBHOOK_SECRET, api_base=upstream.origin), trio.current_time()
        with pytest.raises(VendorUnavailable, match="APIConnectionError"):
            await ASKS[name](vendor)
        assert trio.current_time() - began < (1 + RETRIES) * TIMEOUT_SECONDS + PAUSES_SECONDS_MAX
        await vendor.aclose()
        assert len(upstream.requests) == 1 + RETRIES
        assert len({request.header("idempotency-key") for request in upstream.requests}) == 1
