"""Every page in every state, wide and narrow, light and dark: nothing fails or overflows, axe is content, and there is a picture.

The pictures are in tests/browser/shots, for people to look at.
"""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import NARROW, SHOTS, WIDE, Site
from tests.browser.seeding import EMPTY, FULL
from tests.browser.watching import Watch, check_accessible, check_headings, check_width
from tests.support.processes import ROOT

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]

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
LOOKS = [(False, WIDE), (True, WIDE), (False, NARROW), (True, NARROW)]
REQUEST_ID = "req-of-the-failure"
_API = re.compile(r"/(api/(?!session|events)|v1/models)")


def look_id(look: tuple[bool, tuple[int, int]]) -> str:
    dark, size = look
    return f"{'dark' if dark else 'light'}-{size[0]}"


@pytest.mark.parametrize("look", LOOKS, ids=look_id)
@pytest.mark.parametrize("path", PUBLIC)
def test_a_public_page_is_sound(browser: Browser, site: Site, path: str, look: tuple[bool, tuple[int, int]]) -> None:
    dark, size = look
    with site.visit(browser, dark=dark, size=size) as context:
        page = context.new_page()
        watch = Watch(page)
        page.goto(path)
        settled(page)
        sound(page, watch, path, "full", look)


def test_an_unknown_page_is_a_404_that_helps(browser: Browser, site: Site) -> None:
    for look in LOOKS:
        with site.visit(browser, dark=look[0], size=look[1]) as context:
            page = context.new_page()
            watch = Watch(page, expected={404})
            answer = page.goto("/no/such/page")
            assert answer is not None
            assert answer.status == 404
            expect(page.get_by_role("link", name="Front page")).to_be_visible()
            sound(page, watch, "/404", "full", look)


@pytest.mark.parametrize("look", LOOKS, ids=look_id)
@pytest.mark.parametrize("path", DASHBOARD)
def test_a_page_of_the_dashboard_is_sound_when_full(
    browser: Browser, site: Site, path: str, look: tuple[bool, tuple[int, int]]
) -> None:
    with site.visit(browser, FULL, dark=look[0], size=look[1]) as context:
        page = context.new_page()
        watch = Watch(page)
        page.goto(path)
        settled(page)
        sound(page, watch, path, "full", look)


@pytest.mark.parametrize("look", LOOKS, ids=look_id)
@pytest.mark.parametrize("path", DASHBOARD)
def test_a_page_of_the_dashboard_is_sound_when_empty(
    browser: Browser, site: Site, path: str, look: tuple[bool, tuple[int, int]]
) -> None:
    with site.visit(browser, EMPTY, dark=look[0], size=look[1]) as context:
        page = context.new_page()
        watch = Watch(page)
        page.goto(path)
        settled(page)
        sound(page, watch, path, "empty", look)


@pytest.mark.parametrize("look", LOOKS, ids=look_id)
@pytest.mark.parametrize("path", [*DASHBOARD, "/models"])
def test_a_page_is_sound_while_it_loads(
    browser: Browser, site: Site, path: str, look: tuple[bool, tuple[int, int]]
) -> None:
    with site.visit(browser, FULL, dark=look[0], size=look[1]) as context:
        page = context.new_page()
        watch = Watch(page)
        page.route(_API, lambda _route: None)  # no answer, as long as the page is there
        page.goto(path)
        expect(page.locator("main [aria-busy=true]").first).to_be_visible()
        sound(page, watch, path, "loading", look)


@pytest.mark.parametrize("look", LOOKS, ids=look_id)
@pytest.mark.parametrize("path", [*DASHBOARD, "/models"])
def test_a_page_says_what_failed_and_recovers(
    browser: Browser, site: Site, path: str, look: tuple[bool, tuple[int, int]]
) -> None:
    with site.visit(browser, FULL, dark=look[0], size=look[1]) as context:
        page = context.new_page()
        watch = Watch(page, expected={500})
        page.route(_API, fail)
        page.goto(path)
        settled(page)
        expect(page.get_by_text(REQUEST_ID).first).to_be_visible()
        sound(page, watch, path, "error", look)
        page.unroute(_API)
        for _ in range(page.get_by_role("button", name="Try again").count()):
            page.get_by_role("button", name="Try again").first.click()
            settled(page)
        expect(page.get_by_role("button", name="Try again")).to_have_count(0)
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
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.get_by_text(re.compile("^As of ")).first).to_be_visible()
        assert row.inner_text() == said
        sound(page, watch, "/dashboard/billing", "stale", LOOKS[0])


def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(browser: Browser, site: Site) -> None:
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


def settled(page: Page) -> None:
    """Nothing loads any more, and what came is painted."""
    page.wait_for_load_state("load")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.evaluate("document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => done())))")


def sound(page: Page, watch: Watch, path: str, state: str, look: tuple[bool, tuple[int, int]]) -> None:
    shoot(page, path, state, look)
    watch.check()
    check_width(page)
    check_headings(page)
    check_accessible(page)
    watch.check()


def shoot(page: Page, path: str, state: str, look: tuple[bool, tuple[int, int]]) -> None:
    name = path.strip("/").replace("/", "-") or "front"
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}--{state}--{look_id(look)}.png", full_page=True)


def fail(route: Route) -> None:
    envelope = {
        "error": {"message": "The server met a fault of its own.", "type": "server_error", "param": None, "code": None}
    }
    headers = {"x-request-id": REQUEST_ID, "content-type": "application/json"}
    route.fulfill(status=500, headers=headers, body=json.dumps(envelope))
