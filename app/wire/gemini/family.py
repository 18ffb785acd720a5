"""How the generations of Gemini models differ, derived from the model's name.

Rule: this is a table of documented differences. A name without a generation (gemini-flash-latest) counts as the newest one. Models
other than Gemini (such as Gemma) get none of the features documented only for Gemini.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

_GENERATION = re.compile(r"gemini-(\d{1,3})(?:\.(\d{1,3}))?(?![\d.])")

_FLASH_LEVELS: Final = {"minimal": "minimal", "low": "low", "medium": "medium", "high": "high"}
_PRO_LEVELS: Final = _FLASH_LEVELS | {"minimal": "low"}
_FIRST_PRO_LEVELS: Final = _PRO_LEVELS | {"medium": "high"}
_BUDGETS: Final[dict[str, str | int]] = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""Google's own mapping of OpenAI's efforts, from the documentation of its OpenAI-compatible endpoint. It has no xhigh."""


class Family(msgspec.Struct, frozen=True, gc=False):
    """`thinking`: how thinking is controlled, or None if the model cannot think. `newest`: Gemini 3 and later."""

    thinking: Literal["level", "budget"] | None
    newest: bool
    efforts: dict[str, str | int]
    fetches_urls: bool


def family(model: str) -> Family:
    """The family of an upstream's model name, with or without the prefix `models/`."""
    name = model.removeprefix("models/").lower()
    found = _GENERATION.match(name)
    if found is None:
        return _newest(name) if name.startswith("gemini-") else Family(None, False, {}, False)
    generation = int(found[1]), int(found[2] or 0)
    if generation >= (3, 0):
        return _newest(name)
    if generation < (2, 5) or "image" in name:
        return Family(None, False, {}, generation >= (2, 5))
    return Family("budget", False, _BUDGETS if "pro" in name else _BUDGETS | {"none": 0}, True)


def _newest(name: str) -> Family:
    if name.startswith("gemini-3-pro"):
        return Family("level", True, dict(_FIRST_PRO_LEVELS), True)
    return Family("level", True, dict(_PRO_LEVELS if "pro" in name else _FLASH_LEVELS), True)
