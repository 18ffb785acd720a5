"""The JavaScript that a first visit loads, page by page: under 200 kB over the wire."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Site
from tests.browser.test_pages import DASHBOARD, PUBLIC, settled
from tests.support.browser.seeding import EMPTY, FULL, Person

JAVASCRIPT_BYTES_MAX = 200_000


@pytest.mark.parametrize(
    ("path", "person"),
    [*((path, None) for path in PUBLIC), *((path, FULL) for path in DASHBOARD), ("/dashboard", EMPTY)],
)
def test_a_first_visit_loads_little_javascript(browser: Browser, site: Site, path: str, person: Person | None) -> None:
    """Counts all scripts until the page has settled, including prefetched ones, with their response headers."""
    with site.visit(browser, person) as context:
        page = context.new_page()
        protocol = context.new_cdp_session(page)
        protocol.send("Network.enable")
        scripts: set[str] = set()
        loaded: dict[str, int] = {}
        protocol.on(
            "Network.responseReceived",
            lambda event: scripts.add(event["requestId"]) if event["type"] == "Script" else None,
        )
        protocol.on(
            "Network.loadingFinished",
            lambda event: loaded.__setitem__(event["requestId"], int(event["encodedDataLength"])),
        )
        page.goto(path)
        settled(page)
        if person is None:  # with a session, the live events never end
            page.wait_for_load_state("networkidle")
        total = sum(loaded.get(script, 0) for script in scripts)
        print(f"\n{path}: {total / 1000:.0f} kB of JavaScript in {len(scripts)} files")
        assert scripts <= loaded.keys(), "some scripts did not finish loading"
        assert 0 < total < JAVASCRIPT_BYTES_MAX
