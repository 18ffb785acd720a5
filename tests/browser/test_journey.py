"""A new user's whole journey on `realrouter demo`, once with a mouse and once with the keyboard alone: sign in, create a key,
send a request, buy credit, revoke the key, and look up the cost."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.conftest import PATIENCE_MS, SHOTS, WIDE
from tests.browser.test_pages import settled
from tests.support.browser.hands import Hand, Keyboard, Mouse
from tests.support.browser.watching import Watch, check_accessible
from tests.support.gateway.demo_process import Demo, demo, free_port
from tests.support.paths import ROOT

KEY_NAME = "laptop"
MODEL = "gpt-5.4-mini"


@pytest.mark.parametrize("make_hand", [Mouse, Keyboard])
def test_the_whole_journey(browser: Browser, tmp_path: Path, make_hand: Callable[[Page], Hand]) -> None:
    with demo(tmp_path / "demo", free_port()) as running:
        context = browser.new_context(
            viewport={"width": WIDE[0], "height": WIDE[1]},
            reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(PATIENCE_MS)
        try:
            page = context.new_page()
            watch = Watch(page)
            journey = Journey(running, context, page, make_hand(page), watch)
            journey.sign_in_by_the_link()
            key = journey.make_a_key()
            journey.send_the_test_request()
            journey.store_the_key()
            response_id = journey.call_with_the_key(key)
            journey.buy_a_pack()
            journey.keep_its_documents()
            journey.revoke_the_key(key)
            journey.find_the_request(response_id)
            watch.check()
        finally:
            context.close()


class Journey:
    def __init__(self, running: Demo, context: BrowserContext, page: Page, hand: Hand, watch: Watch) -> None:
        self.running, self.context, self.page, self.hand, self.watch = running, context, page, hand, watch

    def sign_in_by_the_link(self) -> None:
        self.page.goto(self.running.first["sign_in_url"])
        sign_in = self.page.get_by_role("button", name="Sign in with this link")
        expect(sign_in).to_be_visible()
        assert "token" not in self.page.url
        self.hand.press(sign_in)
        self.page.wait_for_url(re.compile("/dashboard$"))
        settled(self.page)
        assert self.balance() == Decimal("10.00")

    def make_a_key(self) -> str:
        """Create and copy a key; returns what is on the clipboard."""
        self.go("Keys")
        self.hand.press(self.page.get_by_role("main").get_by_role("button", name="Create key").first)
        dialog = self.page.get_by_role("dialog")
        self.hand.write(dialog.get_by_label("Name"), KEY_NAME)
        self.hand.press(dialog.get_by_role("button", name="Create key"))
        expect(dialog.get_by_text("This is the only time it is shown")).to_be_visible()
        self.look("key-made")
        self.hand.press(dialog.get_by_role("button", name="Copy the key"))
        expect(dialog.get_by_text("Copied.")).to_be_attached()
        key: str = self.page.evaluate("navigator.clipboard.readText()")
        assert key.startswith("sk-rr-")
        return key

    def send_the_test_request(self) -> None:
        """From the pane with the key filled in; it ends in a charge."""
        dialog = self.page.get_by_role("dialog")
        pane = dialog.get_by_text("Make the first call with this key")
        if not dialog.get_by_role("button", name="Send a test request").is_visible():
            self.hand.press(pane)
        self.hand.press(dialog.get_by_role("button", name="Send a test request"))
        expect(dialog.get_by_text("Charged for what it used. The rest was returned.")).to_be_visible()
        expect(dialog.get_by_role("link", name="Open the receipt")).to_be_visible()
        self.look("test-request")

    def store_the_key(self) -> None:
        self.page.keyboard.press("Escape")
        expect(self.page.get_by_role("alert").get_by_text("Have you stored the key?")).to_be_visible()
        self.hand.press(self.page.get_by_role("dialog").get_by_role("button", name="I have stored it"))
        expect(self.page.get_by_role("dialog")).to_have_count(0)
        expect(self.page.get_by_role("row", name=KEY_NAME)).to_be_visible()

    def call_with_the_key(self, key: str) -> str:
        """With the official SDK and the copied key; the balance on the page changes without a reload."""
        before = self.balance()
        with openai.OpenAI(api_key=key, base_url=self.running.base_url) as client:
            made = client.responses.create(
                model=MODEL, input="Tell me about ledgers. " * 2_000, max_output_tokens=2_000
            )
        cost = self.ledger(f"/api/requests/{made.id}")["cost"]
        assert Decimal(cost) > Decimal("0.001")
        expect(self.exact_balance()).to_have_attribute("title", re.compile(re.escape(str(self.available()))))
        assert self.balance() <= before
        return made.id

    def buy_a_pack(self) -> None:
        before = self.available()
        self.go("Billing")
        self.hand.press(self.page.get_by_role("button", name="Buy Starter"))
        self.page.wait_for_url(re.compile("/simulator/pay/"))
        self.hand.press(self.page.get_by_role("button", name="Pay"))
        self.hand.press(self.page.get_by_role("link", name="Continue"))
        self.page.wait_for_url(re.compile("/dashboard/billing"))
        expect(self.page.get_by_text("$10.00 credited")).to_be_visible()
        settled(self.page)
        assert self.available() == before + Decimal(10)
        expect(self.exact_balance()).to_have_attribute("title", re.compile(re.escape(str(self.available()))))
        self.look("credited")

    def keep_its_documents(self) -> None:
        """The payment's signed receipt, from its row, and this month's statement, which lists the payment."""
        [payment] = self.ledger("/api/transactions?kind=top_up")["data"]
        self.hand.press(self.page.get_by_role("button", name=f"Signed receipt of top-up {payment['id']}"))
        dialog = self.page.get_by_role("dialog", name="Signed receipt")
        assert "payment.top_up_settled.v1" in self.take_the_signed_receipt(dialog)
        self.hand.press(dialog.get_by_role("button", name="Close"))
        expect(dialog).to_have_count(0)
        documents = self.page.get_by_role("region", name="Monthly statements")
        with self.page.expect_download() as downloading:
            self.hand.press(documents.get_by_role("button", name="Download the statement").first)
        assert payment["id"] in downloading.value.path().read_text(encoding="utf-8")

    def revoke_the_key(self, key: str) -> None:
        self.go("Keys")
        row = self.page.get_by_role("row", name=KEY_NAME)
        self.hand.press(row.get_by_role("button", name=re.compile("Revoke")))
        dialog = self.page.get_by_role("dialog")
        self.hand.write(dialog.get_by_label(re.compile("to revoke it")), KEY_NAME)
        self.look("revoke")
        self.hand.press(dialog.get_by_role("button", name="Revoke key"))
        expect(dialog).to_have_count(0)
        client = openai.OpenAI(api_key=key, base_url=self.running.base_url, max_retries=0)
        with client, pytest.raises(openai.AuthenticationError):
            client.responses.create(model=MODEL, input="Anybody there?")

    def find_the_request(self, response_id: str) -> None:
        """Search for the response's ID; the lines shown add up to the charge."""
        search = self.page.get_by_role("searchbox", name="Find any ID")
        self.hand.write(search, response_id)
        self.page.keyboard.press("Enter")
        dialog = self.page.get_by_role("dialog")
        shown = self.ledger(f"/api/requests/{response_id}")
        expect(dialog.get_by_text(response_id, exact=True).first).to_be_visible()
        assert sum(Decimal(line["amount"]) for line in shown["lines"]) == Decimal(shown["cost"])
        for line in shown["lines"]:
            expect(dialog.get_by_role("cell", name=f"${line['amount']}", exact=True).first).to_be_visible()
        expect(dialog.get_by_role("cell", name=f"${shown['cost']}", exact=True).last).to_be_visible()
        self.look("receipt")
        assert "request.debited.v1" in self.take_the_signed_receipt(dialog)

    def take_the_signed_receipt(self, dialog: Locator) -> str:
        """Verify it with the log's public key, by the verifier for people without Realrouter; returns the verifier's output."""
        self.watch.expected = {503}  # not sealed yet: the page retries
        with self.page.expect_download() as downloading:
            self.hand.press(dialog.get_by_role("button", name="Download signed receipt"))
        key = self.context.request.get(self.running.base_url.removesuffix("/v1") + "/log/key").text().splitlines()[0]
        line = [sys.executable, str(ROOT / "ops/verify/realrouter_verify.py"), "receipt", str(downloading.value.path())]
        checked = subprocess.run([*line, "--key", key], capture_output=True, text=True, timeout=120, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        self.watch.check()
        self.watch.expected = set()
        return checked.stdout

    def look(self, name: str) -> None:
        """Check the page with axe, and take a screenshot."""
        check_accessible(self.page)
        self.page.screenshot(path=SHOTS / f"journey--{name}--{type(self.hand).__name__.lower()}.png")

    def go(self, name: str) -> None:
        self.hand.press(self.page.get_by_role("navigation", name="Dashboard").get_by_role("link", name=name))
        expect(self.page.get_by_role("heading", level=1, name=name)).to_be_visible()
        settled(self.page)

    def exact_balance(self) -> Locator:
        return self.page.get_by_role("banner").get_by_role("link", name="Available balance").locator("[title^='$']")

    def balance(self) -> Decimal:
        """The balance on the page."""
        return Decimal(self.exact_balance().inner_text().removeprefix("$").replace(",", ""))

    def available(self) -> Decimal:
        return Decimal(self.ledger("/api/balance")["available"])

    def ledger(self, path: str) -> Any:
        answer = self.context.request.get(self.running.base_url.removesuffix("/v1") + path)
        assert answer.ok, answer.text()
        return answer.json()
