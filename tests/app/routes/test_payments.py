"""/api/packs, /api/checkout and /api/automatic-top-up, with the payment simulator."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import trio

from domain.decimals import NANOS_PER_USD
from domain.events import CheckoutStarted, TopUpSettled
from tests.support.gateway.customers import SOLD, Customer, caught_up, customer, with_key
from tests.support.gateway.gateway import CREDIT_NANOS, Gateway, Json, envelope, running
from tests.support.gateway.processes import PATIENCE_SECONDS, eventually

STARTER: Json = {
    "id": "starter",
    "name": "Starter",
    "price": "10.00",
    "currency": "usd",
    "credit": "10.00",
    "credit_nanos": "10000000000",
}
SWITCHED: Json = {"enabled": True, "pack": "starter", "threshold": "5.00", "monthly_ceiling": "50.00"}


async def begun(owner: Customer, pack: str = "starter", *, save: bool = False) -> Json:
    answer = await owner.send("POST", "/api/checkout", {"pack": pack, "save_payment_method": save})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


async def pay(gateway: Gateway, url: str, act: str = "pay") -> httpx.Response:
    """A customer's action on the simulator's page. The gateway's public address differs from the one that it listens on."""
    path = httpx.URL(url).raw_path.decode()
    return await gateway.http.post(f"{gateway.origin}{path}", data={"act": act})


async def bought(gateway: Gateway, owner: Customer, *, save: bool = False) -> str:
    """A checkout that was paid and credited."""
    opened = await begun(owner, save=save)
    before = gateway.available
    assert (await pay(gateway, opened["url"])).status_code == 200
    await eventually(lambda: gateway.available > before, PATIENCE_SECONDS)
    checkout_id: str = opened["checkout_id"]
    return checkout_id


async def test_packs_are_those_of_the_configuration(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        owner = await customer(gateway)
        starter, euro = (await owner.shown("/api/packs"))["data"]
        assert starter == STARTER
        assert (euro["price"], euro["currency"], euro["credit"]) == ("7.77", "eur", "8.00")
        assert (await with_key(gateway, "/api/packs")).json()["data"] == [starter, euro]


async def test_where_nothing_is_sold_there_is_nothing_to_buy(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        owner = await customer(gateway)
        assert (await owner.shown("/api/packs"))["data"] == []
        envelope(await owner.send("POST", "/api/checkout", {"pack": "starter"}), 403, "checkout_disabled")
        envelope(await owner.get("/api/checkout/co_1"), 403, "checkout_disabled")
        envelope(await owner.get("/api/automatic-top-up"), 403, "checkout_disabled")
        envelope(await owner.send("PUT", "/api/automatic-top-up", SWITCHED), 403, "checkout_disabled")
        envelope(await owner.send("POST", "/api/stripe/webhook", {}), 403, "checkout_disabled")
        assert (await gateway.http.get(f"{gateway.origin}/simulator/pay/x")).status_code == 404


async def test_a_checkout_that_is_paid_is_credited_once(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        owner = await customer(gateway)
        opened = await begun(owner)
        waiting = await owner.shown(f"/api/checkout/{opened['checkout_id']}")
        assert (waiting["state"], waiting["url"], waiting["payment_id"]) == ("open", opened["url"], None)
        assert (waiting["price"], waiting["currency"], waiting["credit"]) == ("10.00", "usd", "10.00")
        for _ in range(2):
            await pay(gateway, opened["url"])
        await eventually(lambda: gateway.available > CREDIT_NANOS, PATIENCE_SECONDS)
        paid = await owner.shown(f"/api/checkout/{opened['checkout_id']}")
        assert (paid["state"], paid["url"], paid["automatic"]) == ("paid", None, False)
        [settled] = [event for event in gateway.events() if isinstance(event, TopUpSettled)]
        assert settled.payment_id == paid["payment_id"]
        assert gateway.available == CREDIT_NANOS + 10 * NANOS_PER_USD
        await caught_up(gateway)
        row = (await owner.shown("/api/transactions"))["data"][0]
        assert (row["kind"], row["amount"], row["balance_after"]) == ("top_up", "10.00", "20.00")
        assert (row["id"], row["reference"]) == (paid["payment_id"], opened["checkout_id"])


async def test_the_credit_is_the_packs_whatever_its_price_and_currency(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        owner = await customer(gateway)
        opened = await begun(owner, "euro")
        await pay(gateway, opened["url"])
        await eventually(lambda: gateway.available == CREDIT_NANOS + 8 * NANOS_PER_USD, PATIENCE_SECONDS)
        shown = await owner.shown(f"/api/checkout/{opened['checkout_id']}")
        assert (shown["price"], shown["currency"], shown["credit_nanos"]) == ("7.77", "eur", "8000000000")


async def test_a_key_starts_a_checkout_and_sees_its_state(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        answer = await gateway.http.post(
            f"{gateway.origin}/api/checkout",
            json={"pack": "starter"},
            headers={"authorization": f"Bearer {gateway.key}"},
        )
        assert answer.status_code == 201
        shown = await with_key(gateway, f"/api/checkout/{answer.json()['checkout_id']}")
        assert (shown.status_code, shown.json()["state"]) == (200, "open")


async def test_a_retry_under_its_idempotency_key_is_the_same_checkout(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        owner = await customer(gateway)
        other = await customer(gateway, "acct_other", email="other@example.org")
        named = {"idempotency-key": "buy-1"}
        first = await owner.send("POST", "/api/checkout", {"pack": "starter"}, named)
        again = await owner.send("POST", "/api/checkout", {"pack": "starter"}, named)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        theirs = await other.send("POST", "/api/checkout", {"pack": "starter"}, named)
        assert theirs.json()["checkout_id"] != first.json()["checkout_id"]
        another = await owner.send("POST", "/api/checkout", {"pack": "euro"}, named)
        envelope(another, 409, "already_exists")
        started = [event for event in gateway.events() if isinstance(event, CheckoutStarted)]
        assert len(started) == 2
        for bad in ("", "k" * 256):
            answer = await owner.send("POST", "/api/checkout", {"pack": "starter"}, {"idempotency-key": bad})
            envelope(answer, 400, "invalid_idempotency_key")


async def test_another_accounts_checkout_is_not_found(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        owner = await customer(gateway)
        other = await customer(gateway, "acct_other", email="other@example.org")
        opened = await begun(owner)
        envelope(await other.get(f"/api/checkout/{opened['checkout_id']}"), 404, "not_found")
        envelope(await other.get("/api/checkout/co_never"), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "pack", "missing_required_parameter"),
        ({"pack": "golden"}, "pack", "invalid_value"),
        ({"pack": ""}, "pack", "invalid_value"),
        ({"pack": None}, "pack", "invalid_type"),
        ({"pack": "starter", "amount": "1.00"}, "amount", "unknown_parameter"),
        ({"pack": "starter", "save_payment_method": "yes"}, "save_payment_method", "invalid_type"),
    ],
)
async def test_what_is_no_order_is_refused_by_name(tmp_path: Path, body: Json, param: str, code: str) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        owner = await customer(gateway)
        assert envelope(await owner.send("POST", "/api/checkout", body), 400, code)["param"] == param
        assert not [event for event in gateway.events() if isinstance(event, CheckoutStarted)]


async def test_a_page_of_another_origin_begins_no_checkout(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        owner = await customer(gateway)
        cross = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        envelope(await owner.send("POST", "/api/checkout", {"pack": "starter"}, cross), 403, "cross_origin")
        envelope(await owner.send("PUT", "/api/automatic-top-up", SWITCHED, cross), 403, "cross_origin")


async def test_automatic_top_up_is_off_until_a_payment_method_is_saved(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        owner = await customer(gateway)
        shown = await owner.shown("/api/automatic-top-up")
        assert (shown["enabled"], shown["payment_method_saved"], shown["state"]) == (False, False, "off")
        assert (shown["pack"], shown["threshold"], shown["monthly_ceiling"]) == (None, "0.00", "0.00")
        refused = await owner.send("PUT", "/api/automatic-top-up", SWITCHED)
        assert envelope(refused, 409, "payment_method_required")["message"].startswith("No payment method is saved.")
        await bought(gateway, owner)
        assert (await owner.shown("/api/automatic-top-up"))["payment_method_saved"] is False


async def test_automatic_top_up_is_switched_on_and_off(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        owner = await customer(gateway)
        await bought(gateway, owner, save=True)
        await eventually(lambda: _saved(gateway), PATIENCE_SECONDS)
        assert (await owner.shown("/api/automatic-top-up"))["payment_method_saved"] is True
        on = await owner.send("PUT", "/api/automatic-top-up", SWITCHED)
        assert on.status_code == 200, on.text
        assert {name: on.json()[name] for name in SWITCHED} == SWITCHED
        assert (on.json()["state"], on.json()["threshold_nanos"]) == ("armed", "5000000000")
        off = (await owner.send("PUT", "/api/automatic-top-up", SWITCHED | {"enabled": False})).json()
        assert (off["enabled"], off["state"]) == (False, "off")
        assert await owner.shown("/api/automatic-top-up") == off


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"pack": "golden"}, "pack"),
        ({"threshold": "-1"}, "threshold"),
        ({"threshold": "much"}, "threshold"),
        ({"monthly_ceiling": "-0.01"}, "monthly_ceiling"),
        ({"monthly_ceiling": "1e9"}, "monthly_ceiling"),
        ({"enabled": 1}, "enabled"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_is_no_switch_is_refused_by_name(tmp_path: Path, change: Json, param: str) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        owner = await customer(gateway)
        answer = await owner.send("PUT", "/api/automatic-top-up", SWITCHED | change)
        assert envelope(answer, 400, answer.json()["error"]["code"])["param"] == param


async def test_a_key_does_not_see_nor_switch_automatic_top_up(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        owner = await customer(gateway)
        envelope(await with_key(gateway, "/api/automatic-top-up"), 403, "session_required")
        headers = {"authorization": f"Bearer {gateway.key}"}
        envelope(await owner.send("PUT", "/api/automatic-top-up", SWITCHED, headers), 403, "session_required")


async def test_the_simulator_takes_no_webhooks(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        for headers in ({}, {"stripe-signature": "t=1,v1=00"}):
            answer = await gateway.http.post(f"{gateway.origin}/api/stripe/webhook", content=b"{}", headers=headers)
            envelope(answer, 400, "invalid_signature")
        assert gateway.available == CREDIT_NANOS


async def test_a_checkout_is_paid_once_by_many_at_the_same_moment(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        owner = await customer(gateway)
        opened = await begun(owner)
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(pay, gateway, opened["url"])
                nursery.start_soon(owner.get, f"/api/checkout/{opened['checkout_id']}")
        await eventually(lambda: gateway.available > CREDIT_NANOS, PATIENCE_SECONDS)
        assert gateway.available == CREDIT_NANOS + 10 * NANOS_PER_USD
        assert len([event for event in gateway.events() if isinstance(event, TopUpSettled)]) == 1


def _saved(gateway: Gateway) -> bool:
    sql = "SELECT 1 FROM automatic_top_ups WHERE payment_method_id IS NOT NULL"
    return bool(gateway.services.ledger.select(sql, ()))
