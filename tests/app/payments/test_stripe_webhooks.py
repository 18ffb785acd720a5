"""A webhook is accepted only if Stripe signed it recently and it is an event."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from app.faults import BadSignature
from tests.fakes.stripe_api import FakeTransport
from tests.fakes.stripe_model import StripeState
from tests.support.payments.paying import KEY, WEBHOOK_SECRET, stripe_over

BELIEVING = stripe_over(FakeTransport(StripeState(), KEY))


def by_stripe(body: str, secret: str = WEBHOOK_SECRET) -> tuple[bytes, str]:
    return body.encode(), stripe.WebhookSignature.generate_signature_header(body, secret)


EVENT: dict[str, Any] = {"id": "evt_1", "object": "event", "type": "x", "data": {"object": {"id": "cs_1"}}}


def test_a_notice_is_what_was_signed() -> None:
    notice = BELIEVING.verify(*by_stripe(json.dumps({**EVENT, "livemode": True, "account": "acct_other"})))
    assert (notice.event_id, notice.type, notice.account, notice.livemode) == ("evt_1", "x", "acct_other", True)


def test_one_good_signature_among_several_is_enough_while_a_secret_is_rolled() -> None:
    body, good = by_stripe(json.dumps(EVENT))
    instant, signature = good.split(",")
    assert BELIEVING.verify(body, f"{instant},v1={'0' * 64},{signature}").event_id == "evt_1"


@pytest.mark.parametrize(
    "body", ["null", "1", '"x"', "[]", "{}", "{", "", '{"id":"evt_1"}', '{"id":"evt_1","type":"x","data":null}']
)
def test_what_is_signed_and_is_no_event_is_not_taken(body: str) -> None:
    with pytest.raises(BadSignature):
        BELIEVING.verify(*by_stripe(body))


@pytest.mark.parametrize("name", ["object", "data", "id", "type"])
def test_an_event_that_lacks_what_makes_it_one_is_not_taken(name: str) -> None:
    lacking = {each: value for each, value in EVENT.items() if each != name}
    if name == "object":
        lacking["data"] = {}
    with pytest.raises(BadSignature):
        BELIEVING.verify(*by_stripe(json.dumps(lacking)))


@given(body=st.binary(max_size=60), header=st.none() | st.text(max_size=60))
def test_no_garbage_is_believed_and_none_breaks_it(body: bytes, header: str | None) -> None:
    with pytest.raises(BadSignature):
        BELIEVING.verify(body, header)


@given(signature=st.text(max_size=70), seconds=st.integers(-(10**20), 10**20))
def test_no_guess_is_believed(signature: str, seconds: int) -> None:
    for at in (seconds, int(time.time())):
        with pytest.raises(BadSignature):
            BELIEVING.verify(json.dumps(EVENT).encode(), f"t={at},v1={signature}")
