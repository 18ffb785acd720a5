"""Tables of an account with very many transactions: paged by cursor, as fast on the last page as on the first."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import serving
from tests.browser.test_pages import settled
from tests.support.browser.seeding import DAYS, FULL
from tests.support.browser.watching import Watch

PAGE_ROWS = 50
PAGES_TURNED = 10
SECONDS_MAX = 2.0
"""From turning a page or filtering until the rows are on the screen; generous, because two cores serve, render and measure."""


@pytest.mark.parametrize(
    "transactions",
    [3_000, pytest.param(100_000, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
)
def test_tables_stay_fast(browser: Browser, tmp_path: Path, transactions: int) -> None:
    per_day = transactions * 4 // (DAYS * 3)
    with serving(tmp_path, requests_per_day=per_day) as site, site.visit(browser, FULL) as context:
        page = context.new_page()
        watch = Watch(page)
        check_size(page, transactions)
        for path, table in (("/dashboard/requests", "Requests, newest first"), ("/dashboard/billing", "Transactions")):
            rows = page.get_by_role("table", name=table).locator("tbody tr")
            figures = {"opened": timed(lambda path=path: page.goto(path), page, rows, before=None)}  # type: ignore[misc]
            turned = []
            for _ in range(PAGES_TURNED):
                before = rows.first.inner_text()
                older = page.get_by_role("button", name="Older").or_(page.get_by_role("link", name="Older"))
                turned.append(timed(older.click, page, rows, before=before))
                assert rows.count() == PAGE_ROWS
            figures |= {"a page, median": sorted(turned)[len(turned) // 2], "a page, worst": max(turned)}
            measured = ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in figures.items())
            elements = page.evaluate("document.querySelectorAll('*').length")
            print(f"\n{transactions} transactions, {path}: {measured}; {elements} elements")
            assert max(turned) < SECONDS_MAX
        watch.check()


def timed(act: Callable[[], object], page: Page, rows: Locator, *, before: str | None) -> float:
    """Seconds from an action until rows other than `before` are shown."""
    began = time.perf_counter()
    act()
    if before is None:
        expect(rows.first).to_be_visible()
    else:
        expect(rows.first).not_to_have_text(before, use_inner_text=True)
    taken = time.perf_counter() - began
    settled(page)
    return taken


def check_size(page: Page, transactions: int) -> None:
    """The account has at least that many transactions."""
    page.goto("/dashboard/usage?range=90d")
    total = page.get_by_role("row", name="Total").get_by_role("cell").nth(2)
    expect(total).to_be_visible()
    assert int(total.inner_text().replace(",", "")) >= transactions
