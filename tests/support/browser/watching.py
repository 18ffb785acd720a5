"""Detects a page's faults: console errors, failed requests, blocked content, axe violations, excessive width."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Request, Response

from tests.support.paths import ROOT

AXE = ROOT / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_NOTE_VIOLATIONS = """
addEventListener("securitypolicyviolation", (e) => console.error(`CSP: ${e.violatedDirective} blocked ${e.blockedURI}`));
"""
_LEFT = "net::ERR_ABORTED"
"""The failure of a request that was aborted because its page was left, or by the page itself."""


@dataclass
class Watch:
    """`expected`: statuses that a test provokes; the browser's own console message about one is then not a problem either."""

    page: Page
    expected: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.add_init_script(_NOTE_VIOLATIONS)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._response)

    def check(self) -> None:
        """Raises AssertionError if anything went wrong since the last check."""
        problems, self.problems = self.problems, []
        assert not problems, "\n".join(problems)

    def _console(self, message: ConsoleMessage) -> None:
        about_expected = "Failed to load resource" in message.text and any(
            f"status of {status}" in message.text for status in self.expected
        )
        if message.type in ("error", "warning") and not about_expected:
            self.problems.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _failed(self, request: Request) -> None:
        if request.failure != _LEFT:
            self.problems.append(f"request failed: {request.method} {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.problems.append(f"HTTP {response.status}: {response.request.method} {response.url}")


def check_accessible(page: Page) -> None:
    """Check that axe finds no violation of its rules for WCAG 2.2 AA, or of its best practices."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate(
        """async (tags) => {
        const { violations, passes } = await axe.run({ runOnly: tags, resultTypes: ["violations"] });
        return { violations, passes: passes.length };
        }""",
        AXE_TAGS,
    )
    violations = [
        {
            "rule": each["id"],
            "help": each["help"],
            "nodes": [node["html"][:300] + "\n" + node["failureSummary"] for node in each["nodes"][:3]],
        }
        for each in found["violations"]
    ]
    assert not violations, json.dumps(violations, indent=1)
    assert found["passes"], "axe checked nothing"


def check_width(page: Page) -> None:
    """Check that the page is not wider than the window."""
    wide = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? null
        : [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
            .slice(0, 5).map((e) => e.outerHTML.slice(0, 200))"""
    )
    assert wide is None, f"wider than its window: {wide}"


def check_headings(page: Page) -> None:
    """Check that the page has exactly one h1."""
    assert page.locator("h1").count() == 1, page.locator("h1").all_inner_texts()
