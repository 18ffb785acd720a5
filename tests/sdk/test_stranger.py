"""A stranger's whole way: sign up, buy a pack, be credited, make a key, ask a model with OpenAI's SDK; exact to the nano."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from openai import AsyncOpenAI

from domain.events import RequestDebited
from tests.fakes.stripe_api import serving
from tests.fakes.stripe_model import StripeState
from tests.support.gateway.gateway import MODEL, Gateway, running
from tests.support.gateway.processes import eventually
from tests.support.payments.paying import KEY, WEBHOOK_SECRET

EMAIL, PASSWORD = "ada@example.org", "correct horse battery"
CREDIT_NANOS = 10_000_000_000
_STRIPE = """
[stripe]
secret_key = "{key}"
webhook_secret = "{secret}"
api_base = "{url}"

[[pack]]
id = "bonus"
name = "Bonus"
price = "9.00"
credit = "10.00"
"""


@asynccontextmanager
async def selling(folder: Path, state: StripeState) -> AsyncIterator[Gateway]:
    """A gateway that sells through the fake Stripe, both on real sockets."""
    async with serving(state, KEY) as url:
        more = _STRIPE.format(key=KEY, secret=WEBHOOK_SECRET, url=url)
        async with running(folder, server={"signup": True}, models=more) as gateway:
            yield gateway


async def deliver(gateway: Gateway, state: StripeState) -> list[int]:
    """All webhooks that wait, posted; the statuses."""
    statuses = []
    while state.deliveries:
        body, signature = state.signed(state.deliveries.pop(), WEBHOOK_SECRET)
        headers = {"stripe-signature": signature, "content-type": "application/json"}
        answer = await gateway.http.post(f"{gateway.origin}/api/stripe/webhook", content=body, headers=headers)
        statuses.append(answer.status_code)
    return statuses


async def test_a_stranger_signs_up_pays_and_asks_a_model(tmp_path: Path) -> None:
    state = StripeState()
    async with selling(tmp_path, state) as gateway:
        browser = httpx.AsyncClient(base_url=gateway.origin, trust_env=False, timeout=120)
        async with browser:
            who = {"email": EMAIL, "password": PASSWORD}
            assert (await browser.post("/api/signup", json=who)).status_code == 201
            assert (await browser.post("/api/session", json=who)).status_code == 200
            assert await available(browser) == 0
            [pack] = (await browser.get("/api/packs")).json()["data"]
            begun = (await browser.post("/api/checkout", json={"pack": pack["id"]})).json()
            assert begun["url"].startswith("https://checkout.stripe.test/")
            [session_id] = state.sessions
            state.pay(session_id)
            assert await deliver(gateway, state) == [200, 200]
            await eventually_credited(gateway)
            assert await available(browser) == CREDIT_NANOS
            shown = (await browser.get(f"/api/checkout/{begun['checkout_id']}")).json()
            assert (shown["state"], shown["credit_nanos"]) == ("paid", str(CREDIT_NANOS))
            made = (await browser.post("/api/keys", json={"name": "laptop"})).json()
            async with AsyncOpenAI(api_key=made["api_key"], base_url=gateway.base_url) as client:
                answer = await client.responses.create(model=MODEL, input="Summarize this note in Chinese.")
            assert answer.output_text
            [debited] = [event for event in gateway.events() if isinstance(event, RequestDebited)]
            assert await available(browser) == CREDIT_NANOS - debited.cost_nanos
            told = (await browser.get(f"/api/requests/{answer.id}")).json()
            assert told["cost_nanos"] == str(debited.cost_nanos)
            usage = answer.usage
            assert usage is not None
            # 0.25 and 2.00 USD a million, in nanos, rounded up once
            assert debited.cost_nanos == -(-(usage.input_tokens * 250_000 + usage.output_tokens * 2_000_000) // 1_000)
            await check_statement(browser, debited)


async def available(browser: httpx.AsyncClient) -> int:
    return int((await browser.get("/api/balance")).json()["available_nanos"])


async def eventually_credited(gateway: Gateway) -> None:
    payments = gateway.services.payments
    assert payments is not None
    await eventually(lambda: payments.inbox.waiting() == 0, 20)


async def check_statement(browser: httpx.AsyncClient, debited: RequestDebited) -> None:
    """What came in and what was charged, and the balance after each."""
    rows = (await browser.get("/api/transactions")).json()["data"]
    assert [(row["kind"], int(row["amount_nanos"]), int(row["balance_after_nanos"])) for row in rows] == [
        ("debit", -debited.cost_nanos, CREDIT_NANOS - debited.cost_nanos),
        ("top_up", CREDIT_NANOS, CREDIT_NANOS),
    ]
