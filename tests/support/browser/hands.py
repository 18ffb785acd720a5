"""Two ways to use a page: with a mouse, or with the keyboard alone."""

from __future__ import annotations

from typing import Protocol

from playwright.sync_api import Locator, Page, expect

TABS_MAX = 150


class Hand(Protocol):
    def press(self, target: Locator) -> None:
        """Activate a button, link, tab or checkbox."""
        ...

    def write(self, target: Locator, text: str) -> None:
        """Replace a field's content."""
        ...


class Mouse:
    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        target.click()

    def write(self, target: Locator, text: str) -> None:
        target.fill(text)


class Keyboard:
    """Only keys: Tab to the target, then Enter or typing. Fails if the target cannot be reached that way."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        self._reach(target)
        self.page.keyboard.press("Enter")

    def write(self, target: Locator, text: str) -> None:
        self._reach(target)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def _reach(self, target: Locator) -> None:
        expect(target).to_be_visible()
        for _ in range(TABS_MAX):
            if target.evaluate("(element) => element === document.activeElement"):
                self._check_seen(target)
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"not reached after pressing Tab {TABS_MAX} times: {target}")

    def _check_seen(self, target: Locator) -> None:
        """The focus is visible (WCAG 2.4.7), and within the window."""
        outline = target.evaluate(
            "(element) => { const s = getComputedStyle(element); return s.outlineStyle !== 'none' && s.outlineWidth !== '0px' }"
        )
        assert outline, f"no focus ring on {target}"
        expect(target).to_be_in_viewport()
