"""The simulator's page: it shows the amount, accepts pay or decline, and exists only on this machine."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from app.routes.pay import _is_here
from domain.events import TopUpSettled
from tests.support.gateway.customers import SOLD, customer
from tests.support.gateway.gateway import CREDIT_NANOS, Gateway, envelope, running
from tests.support.gateway.processes import PATIENCE_SECONDS, eventually


async def page_of(gateway: Gateway, pack: str = "starter") -> str:
    """The URL of a new checkout's page, at this gateway."""
    owner = await customer(gateway)
    url = (await owner.send("POST", "/api/checkout", {"pack": pack})).json()["url"]
    return f"{gateway.origin}{httpx.URL(url).raw_path.decode()}"


async def test_the_page_shows_price_and_choices_and_runs_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        page = await gateway.http.get(await page_of(gateway))
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert "10.00 USD" in page.text
        assert page.text.count("<button") == 2
        assert "&amp;left=1" in page.text
        assert "<script" not in page.text
        assert "set-cookie" not in page.headers


async def test_what_the_page_shows_is_escaped(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD.replace("Euro & more", "<b>Euro & more</b>")) as gateway:
        page = await gateway.http.get(await page_of(gateway, "euro"))
        assert "&lt;b&gt;Euro &amp; more&lt;/b&gt;" in page.text
        assert "<b>" not in page.text


async def test_paying_credits_and_the_page_offers_no_second_payment(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        url = await page_of(gateway)
        paid = await gateway.http.post(url, data={"act": "pay"})
        assert (paid.status_code, "<button" in paid.text, "Paid." in paid.text) == (200, False, True)
        again = await gateway.http.post(url, data={"act": "decline"})
        assert "Paid." in again.text
        await eventually(lambda: gateway.available > CREDIT_NANOS, PATIENCE_SECONDS)
        assert len([event for event in gateway.events() if isinstance(event, TopUpSettled)]) == 1


async def test_a_declined_card_may_be_followed_by_another(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        url = await page_of(gateway)
        declined = await gateway.http.post(url, data={"act": "decline"})
        assert "The card was declined." in declined.text
        assert declined.text.count("<button") == 2
        assert gateway.available == CREDIT_NANOS
        assert "Paid." in (await gateway.http.post(url, data={"act": "pay"})).text
        await eventually(lambda: gateway.available > CREDIT_NANOS, PATIENCE_SECONDS)


@pytest.mark.parametrize("form", [{}, {"act": ""}, {"act": "refund"}, {"other": "pay"}])
async def test_any_other_act_changes_nothing(tmp_path: Path, form: dict[str, str]) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        url = await page_of(gateway)
        answer = await gateway.http.post(url, data=form)
        assert (answer.status_code, answer.text) == (200, (await gateway.http.get(url)).text)


async def test_a_page_of_another_origin_does_not_pay(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        url = await page_of(gateway)
        cross = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        envelope(await gateway.http.post(url, data={"act": "pay"}, headers=cross), 403, "cross_origin")
        assert "<button" in (await gateway.http.get(url)).text


async def test_a_payment_that_never_was_is_not_found(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        for name in ("cs_sim_none", "%F0%9F%92%A9", "x" * 300):
            url = f"{gateway.origin}/simulator/pay/{name}"
            envelope(await gateway.http.get(url), 404, "not_found")
            envelope(await gateway.http.post(url, data={"act": "pay"}), 404, "not_found")


@pytest.mark.parametrize(
    ("address", "here"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("10.0.0.1", False), ("", False), ("<local>", False)],
)
def test_only_this_machine_is_here(address: str, here: bool) -> None:
    assert _is_here(address) is here
