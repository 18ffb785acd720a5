"""Every page in every state, wide and narrow, light and dark: nothing fails or overflows, and axe finds nothing.

Screenshots of each are in tests/browser/shots, for people to look at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from domain.books import next_month
from tests.browser.conftest import NARROW, SHOTS, WIDE, Site
from tests.support.browser.contract import Contract
from tests.support.browser.seeding import EMPTY, FULL, Person
from tests.support.browser.watching import Watch, check_accessible, check_headings, check_width
from tests.support.paths import ROOT

DOCS = sorted(f"/docs/{page.stem}" for page in (ROOT / "web/out/docs").glob("*.html"))
PUBLIC = ["/", "/docs", *DOCS, "/models", "/login", "/signup"]
DASHBOARD = [
    "/dashboard",
    "/dashboard/usage",
    "/dashboard/requests",
    "/dashboard/keys",
    "/dashboard/billing",
    "/dashboard/settings",
]
LOOKS = {
    "light-wide": (False, WIDE),
    "dark-wide": (True, WIDE),
    "light-narrow": (False, NARROW),
    "dark-narrow": (True, NARROW),
}
PAIRED = ("light-wide", "dark-narrow")
"""Each theme and each width once: a fault depends on one of them, hardly on the pair. The long run checks all four."""
in_looks = pytest.mark.parametrize(
    "looks", [PAIRED, pytest.param(tuple(LOOKS), marks=pytest.mark.long)], ids=["paired", "every"]
)
REQUEST_ID = "req-of-the-failure"
_API = re.compile(r"/(api/(?!session|events)|v1/models)")


@in_looks
@pytest.mark.parametrize("path", PUBLIC)
def test_a_public_page_is_sound(browser: Browser, site: Site, path: str, looks: Sequence[str]) -> None:
    with site.visit(browser) as context:
        page = context.new_page()
        watch = Watch(page)
        page.goto(path)
        settled(page)
        sound(page, watch, path, "full", looks)


def test_an_unknown_page_is_a_404_that_helps(browser: Browser, site: Site) -> None:
    with site.visit(browser) as context:
        page = context.new_page()
        watch = Watch(page, expected={404})
        answer = page.goto("/no/such/page")
        assert answer is not None
        assert answer.status == 404
        expect(page.get_by_role("link", name="Home")).to_be_visible()
        sound(page, watch, "/404", "full")


@in_looks
@pytest.mark.parametrize("person", [FULL, EMPTY], ids=["full", "empty"])
@pytest.mark.parametrize("path", DASHBOARD)
def test_a_page_of_the_dashboard_is_sound(
    browser: Browser, site: Site, path: str, person: Person, looks: Sequence[str]
) -> None:
    with site.visit(browser, person) as context:
        page = context.new_page()
        watch, contract = Watch(page), Contract(page, context.request.get("/openapi.json").json())
        page.goto(path)
        settled(page)
        sound(page, watch, path, "full" if person is FULL else "empty", looks)
        assert {"/api/session", "/api/balance"} <= contract.check()


@pytest.mark.parametrize("path", [*DASHBOARD, "/models"])
def test_a_page_is_sound_while_it_loads(browser: Browser, site: Site, path: str) -> None:
    with site.visit(browser, FULL) as context:
        page = context.new_page()
        watch = Watch(page)
        page.route(_API, lambda _route: None)  # no answer while the page is open
        page.goto(path)
        expect(page.locator("main [aria-busy=true]").first).to_be_visible()
        sound(page, watch, path, "loading")


@pytest.mark.parametrize("path", [*DASHBOARD, "/models"])
def test_a_page_says_what_failed_and_recovers(browser: Browser, site: Site, path: str) -> None:
    with site.visit(browser, FULL) as context:
        page = context.new_page()
        watch = Watch(page, expected={500})
        page.route(_API, fail)
        page.goto(path)
        settled(page)
        expect(page.get_by_text(REQUEST_ID).first).to_be_visible()
        sound(page, watch, path, "error")
        page.unroute(_API)
        again = page.get_by_role("button", name="Try again")
        for _ in range(again.count()):
            if again.count():  # one retry may have loaded another panel's data as well
                again.first.click()
                settled(page)
        expect(again).to_have_count(0)
        watch.check()


def test_a_request_is_shown_down_to_its_lines(browser: Browser, site: Site) -> None:
    with site.visit(browser, FULL) as context:
        page = context.new_page()
        watch, contract = Watch(page), Contract(page, context.request.get("/openapi.json").json())
        newest = context.request.get("/api/transactions?kind=debit&limit=1").json()["data"][0]
        page.goto(f"/dashboard/requests?request={newest['response_id']}")
        expect(page.get_by_role("dialog").get_by_role("table")).to_be_visible()
        settled(page)
        sound(page, watch, "/dashboard/requests", "sheet")
        assert "/api/requests/{request_id}" in contract.check()
        page.goto("/dashboard/requests?request=req_of_nobody")
        watch.expected = {404}
        expect(page.get_by_role("dialog").get_by_text("no request or response with the ID")).to_be_visible()


@pytest.mark.parametrize(
    "path", ["/dashboard/usage?model=none", "/dashboard/requests?model=none", "/dashboard/billing?id=none"]
)
def test_if_nothing_matches_the_filters_can_be_cleared(browser: Browser, site: Site, path: str) -> None:
    with site.visit(browser, FULL) as context:
        page = context.new_page()
        watch = Watch(page)
        page.goto(path)
        settled(page)
        sound(page, watch, path.partition("?")[0], "no-match")
        page.get_by_role("button", name="Clear filters").last.click()
        expect(page.get_by_role("table").last).to_be_visible()
        assert "none" not in page.url
        watch.check()


def test_the_last_good_data_stays_and_says_how_old_it_is(browser: Browser, site: Site) -> None:
    with site.visit(browser, FULL) as context:
        page = context.new_page()
        watch = Watch(page, expected={500})
        page.clock.install()
        page.goto("/dashboard/billing")
        settled(page)
        row = page.get_by_role("table").get_by_role("row").nth(1)
        said = row.inner_text()
        page.route(_API, fail)
        page.clock.fast_forward(60_000)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
        transactions = page.get_by_role("region", name="Transactions", exact=True)
        stale = transactions.get_by_role("status").filter(
            has_text=re.compile(r"As of \d+ \w+ 20\d\d, .* fault of its own")
        )
        expect(stale).to_be_visible()
        expect(stale).to_contain_text(REQUEST_ID)
        assert row.inner_text() == said
        sound(page, watch, "/dashboard/billing", "stale")


def test_documents_open_or_say_what_failed_and_a_retry_downloads_them(browser: Browser, site: Site) -> None:
    """A statement's page, and files: small ones, and those that only the browser's own download can hold."""
    with site.visit(browser, FULL) as context:
        page = context.new_page()
        watch = Watch(page, expected={500})
        page.goto("/dashboard/billing?id=none")
        settled(page)
        statements, exports = (page.get_by_role("region", name=name) for name in ("Monthly statements", "Exports"))
        page.get_by_role("link", name="Statements and exports").click()
        expect(exports.get_by_role("heading", level=2)).to_be_in_viewport()
        with context.expect_page() as opening:
            statements.get_by_role("link", name="Open").nth(
                1
            ).click()  # last month's, which has at least two weeks of requests
        opening.value.wait_for_url("**/api/statements/*")
        month = opening.value.url.partition("/api/statements/")[2].partition("?")[0]
        expect(opening.value.get_by_role("heading", level=1, name=f"Statement {month}")).to_be_visible()
        opening.value.close()
        exports.get_by_role("combobox", name="Period").select_option(month)
        page.route(_API, fail)
        statements.get_by_role("button", name="Download").nth(1).click()
        exports.get_by_role("button", name="Download Usage as CSV").click()
        for region in (statements, exports):
            expect(region.get_by_role("alert")).to_contain_text(REQUEST_ID)
        sound(page, watch, "/dashboard/billing", "refused")
        page.unroute(_API)
        assert downloaded(page, statements).startswith("<!doctype html>")
        usage = downloaded(page, exports)
        assert usage.count(month) > 10, "a row for each charge of the month"
        asked = f"/api/exports/csv?table=usage&from={month}-01&to={next_month(month)}-01"
        assert usage == context.request.get(asked).text()
        expect(page.get_by_role("alert").filter(has_text=REQUEST_ID)).to_have_count(0)
        watch.check()


def downloaded(page: Page, region: Locator) -> str:
    """The content downloaded by a retry."""
    with page.expect_download() as downloading:
        region.get_by_role("button", name="Try again").click()
    return downloading.value.path().read_text(encoding="utf-8")


def test_a_row_other_than_a_request_has_a_receipt_or_says_why_not(browser: Browser, site: Site) -> None:
    """The log of this gateway is not sealed."""
    with site.visit(browser, FULL) as context:
        page = context.new_page()
        watch = Watch(page, expected={404})
        page.goto("/dashboard/billing?kind=refund")
        settled(page)
        opener = page.get_by_role("button", name="Signed receipt of refund re_1")
        opener.click()
        dialog = page.get_by_role("dialog", name="Signed receipt")
        dialog.get_by_role("button", name="Download signed receipt").click()
        expect(dialog.get_by_role("alert")).to_contain_text("The log is not sealed here")
        sound(page, watch, "/dashboard/billing", "receipt")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(opener).to_be_focused()


def test_a_visitor_who_is_not_signed_in_is_sent_to_sign_in_and_back(browser: Browser, site: Site) -> None:
    with site.visit(browser) as context:
        page = context.new_page()
        watch = Watch(page, expected={401})
        page.goto("/dashboard/usage?by=key")
        page.wait_for_url(re.compile("/login"))
        page.get_by_label("E-mail").fill(FULL.email)
        page.get_by_label("Password", exact=True).fill(FULL.password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(re.compile(r"/dashboard/usage\?by=key"))
        settled(page)
        watch.check()


def test_a_session_that_ends_elsewhere_ends_the_page(browser: Browser, site: Site) -> None:
    """Another tab signs in as another person, and then signs out: no page keeps showing the previous account."""
    with site.visit(browser) as context:
        sign_in = {"email": EMPTY.email, "password": EMPTY.password}
        assert context.request.post("/api/session", data=sign_in).ok
        page = context.new_page()
        watch = Watch(page, expected={401})
        page.goto("/dashboard/settings")
        settled(page)
        expect(page.get_by_text(EMPTY.email)).to_be_visible()
        assert context.request.post("/api/session", data={"email": FULL.email, "password": FULL.password}).ok
        expect(page.get_by_text(FULL.email)).to_be_visible()
        expect(page.get_by_text(EMPTY.email)).to_have_count(0)
        assert context.request.delete("/api/session").ok
        page.wait_for_url(re.compile("/login"))
        watch.check()


def test_a_secret_is_shown_even_if_other_code_fails_to_load(browser: Browser, site: Site) -> None:
    """The pane below a new key is loaded separately; if it is gone, as after an upgrade, the key is still shown."""
    with site.visit(browser, EMPTY) as context:
        page = context.new_page()
        page.goto("/dashboard/keys")
        settled(page)
        page.route("**/_next/static/chunks/*.js", lambda route: route.fulfill(status=404))
        page.get_by_role("button", name="Create key").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill("shown once")
        dialog.get_by_role("button", name="Create key").click()
        expect(dialog.get_by_text(re.compile("^sk-rr-"))).to_be_visible()
        expect(dialog.get_by_text("This part did not load")).to_be_attached()
        expect(dialog.get_by_text(re.compile("^sk-rr-"))).to_be_visible()
        dialog.get_by_role("button", name="I have stored it").click()
        expect(dialog).to_have_count(0)


def test_a_narrow_page_has_a_menu_that_the_keyboard_opens_and_closes(browser: Browser, site: Site) -> None:
    with site.visit(browser, FULL) as context:
        page = context.new_page()
        watch = Watch(page)
        page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        page.goto("/dashboard")
        settled(page)
        menu = page.get_by_role("button", name="Menu")
        menu.press("Enter")
        pages = page.get_by_role("dialog", name="Menu")
        expect(pages.get_by_role("link", name="Keys")).to_be_visible()
        painted(page)
        check_accessible(page)
        page.keyboard.press("Escape")
        expect(pages).to_have_count(0)
        expect(menu).to_be_focused()
        menu.press("Enter")
        pages.get_by_role("link", name="Keys").press("Enter")
        expect(page.get_by_role("heading", level=1, name="Keys")).to_be_visible()
        expect(pages).to_have_count(0)
        watch.check()


def settled(page: Page) -> None:
    """Wait until nothing is loading, and everything is painted."""
    page.wait_for_load_state("load")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.evaluate("document.fonts.ready.then(() => true)")
    painted(page)


def sound(page: Page, watch: Watch, path: str, state: str, looks: Sequence[str] = PAIRED) -> None:
    """In each look: take a screenshot, and check that nothing failed, nothing is too wide and axe finds nothing."""
    check_headings(page)
    name = path.strip("/").replace("/", "-") or "front"
    for look in looks:
        dark, size = LOOKS[look]
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        painted(page)
        page.screenshot(path=SHOTS / f"{name}--{state}--{look}.png", full_page=True)
        check_width(page)
        check_accessible(page)
    watch.check()


def painted(page: Page) -> None:
    """Wait until changes are on the screen: transitions have ended, and layouts that depend on a size have been measured."""
    page.evaluate(
        """async () => {
        const frame = () => new Promise((done) => requestAnimationFrame(() => done()));
        await frame();
        const moving = document.getAnimations().filter((each) => each instanceof CSSTransition);
        await Promise.all(moving.map((each) => each.finished.catch(() => null)));
        await frame();
        }"""
    )


def fail(route: Route) -> None:
    envelope = {
        "error": {"message": "The server met a fault of its own.", "type": "server_error", "param": None, "code": None}
    }
    headers = {"x-request-id": REQUEST_ID, "content-type": "application/json"}
    route.fulfill(status=500, headers=headers, body=json.dumps(envelope))
