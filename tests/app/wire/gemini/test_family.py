"""What each generation of models supports, by name."""

from __future__ import annotations

import pytest

from app.wire.gemini.family import family


@pytest.mark.parametrize(
    ("model", "thinking", "newest", "fetches"),
    [
        ("gemini-3-pro-preview", "level", True, True),
        ("models/gemini-3.1-flash-lite", "level", True, True),
        ("GEMINI-3-FLASH", "level", True, True),
        ("gemini-4", "level", True, True),
        ("gemini-flash-latest", "level", True, True),
        ("gemini-2.5-pro", "budget", False, True),
        ("gemini-2.5-flash-lite", "budget", False, True),
        ("gemini-2.5-flash-image", None, False, True),
        ("gemini-2.0-flash", None, False, False),
        ("gemini-1.5-pro-002", None, False, False),
        ("gemma-3-27b-it", None, False, False),
    ],
)
def test_the_generation_is_derived_from_the_name(model: str, thinking: str | None, newest: bool, fetches: bool) -> None:
    kind = family(model)
    assert (kind.thinking, kind.newest, kind.fetches_urls) == (thinking, newest, fetches)


@pytest.mark.parametrize(
    ("model", "efforts"),
    [
        ("gemini-3-flash-preview", {"minimal": "minimal", "low": "low", "medium": "medium", "high": "high"}),
        ("gemini-3.1-pro-preview", {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}),
        ("gemini-3-pro-preview", {"minimal": "low", "low": "low", "medium": "high", "high": "high"}),
        ("gemini-2.5-flash", {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}),
        ("gemini-2.5-pro", {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}),
        ("gemini-2.0-flash", {}),
    ],
)
def test_efforts_are_google_s_own_table(model: str, efforts: dict[str, str | int]) -> None:
    assert family(model).efforts == efforts
