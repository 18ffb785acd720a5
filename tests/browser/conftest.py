"""A real Chromium on a real gateway that serves the built website.

Rule 1: the pages are the export in web/out (`make web`), served by the gateway itself, with its policy and its compression.
Rule 2: the browser's security stays on: no flag here disables origin checks, certificates or policies.
Rule 3: Playwright's event loop lasts for one module's tests, so that it never meets another test's loop.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio
from playwright.sync_api import Browser, BrowserContext, Playwright, StorageState, expect, sync_playwright

from app.settings import load
from tests.support.browser import seeding
from tests.support.browser.seeding import Person
from tests.support.gateway.demo_process import free_port
from tests.support.gateway.processes import Gateway
from tests.support.paths import ROOT

FOLDER = Path(__file__).parent
SHOTS = FOLDER / "shots"
ARGUMENTS = [
    "--no-sandbox",  # the tests may run as root, in a container
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--font-render-hinting=none",
]
PATIENCE_MS = 90_000
"""Ends a wait for something that a page never does. No test here promises a time."""
START_MS = 180_000
"""For Chromium, whose start reads 200 MB from the disk."""
WIDE = (1280, 900)
NARROW = (360, 780)
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Site:
    """A gateway that serves the website over seeded accounts."""

    origin: str
    sessions: dict[Person, StorageState] = field(default_factory=dict)
    """Each person signs in once, because attempts are throttled."""

    @contextmanager
    def visit(self, browser: Browser, person: Person | None = None) -> Iterator[BrowserContext]:
        """A separate browser context, signed in as `person` if one is given."""
        context = browser.new_context(
            base_url=self.origin,
            viewport={"width": WIDE[0], "height": WIDE[1]},
            reduced_motion="reduce",
            timezone_id="UTC",
            locale="en-GB",
            storage_state=self.sessions.get(person) if person is not None else None,
        )
        context.set_default_timeout(PATIENCE_MS)
        try:
            if person is not None and person not in self.sessions:
                answer = context.request.post("/api/session", data={"email": person.email, "password": person.password})
                assert answer.ok, answer.text()
                self.sessions[person] = context.storage_state()
            yield context
        finally:
            context.close()


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of the Chromium that the npm package contains."""
    program = 'import chromium from "@sparticuz/chromium"; process.stdout.write(await chromium.executablePath())'
    line = ["node", "--input-type=module", "--eval", program]
    return subprocess.run(line, cwd=FOLDER, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium_path: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS, timeout=START_MS)
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="session", autouse=True)
def website() -> None:
    assert (ROOT / "web/out/index.html").exists(), "the website has not been built: run `make web`"
    SHOTS.mkdir(exist_ok=True)


@contextmanager
def serving(folder: Path, *, requests_per_day: int = 14, days: int = seeding.DAYS) -> Iterator[Site]:
    """A gateway process over a freshly seeded ledger."""
    port = free_port()
    path = seeding.config(folder, port)
    seeding.seed(load(path), requests_per_day=requests_per_day, days=days)
    rebuild = [sys.executable, "-m", "app.cli", "projections", "rebuild", "--config", str(path)]
    subprocess.run(
        rebuild, cwd=ROOT, check=True, capture_output=True, timeout=300
    )  # so that no read model is still catching up
    gateway = Gateway.start(path, folder / "gateway.log")
    try:
        trio.run(gateway.ready)
        yield Site(f"http://127.0.0.1:{gateway.port}")
    finally:
        gateway.kill()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("site")) as site:
        yield site
