"""How somebody uses a page: with a mouse, or with the keyboard alone."""

from __future__ import annotations

from typing import Protocol

from playwright.sync_api import Locator, Page, expect

TABS_MAX = 150


class Hand(Protocol):
    def press(self, target: Locator) -> None:
        """Activate a button, link, tab or checkbox."""
        ...

    def write(self, target: Locator, text: str) -> None:
        """Replace what a field holds."""
        ...


class Mouse:
    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        target.click()

    def write(self, target: Locator, text: str) -> None:
        target.fill(text)


class Keyboard:
    """Only keys: Tab until the focus is there, then Enter or typing. What cannot be reached so fails."""

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
        raise AssertionError(f"not reached in {TABS_MAX} steps of Tab: {target}")

    def _check_seen(self, target: Locator) -> None:
        """The focus shows (WCAG 2.4.7), and is in the window."""
        outline = target.evaluate(
            "(element) => { const s = getComputedStyle(element); return s.outlineStyle !== 'none' && s.outlineWidth !== '0px' }"
        )
        assert outline, f"no focus ring on {target}"
        expect(target).to_be_in_viewport()
