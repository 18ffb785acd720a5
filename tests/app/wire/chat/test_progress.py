from __future__ import annotations

import pytest

from app.wire.chat.progress import Progress


@pytest.mark.parametrize(
    ("text", "is_open", "complete"),
    [
        ("", False, False),
        (" ", False, False),
        ("{", True, False),
        ('{"a": "}', True, False),
        ('{"a": "\\\\"}', False, True),
        ('{"a": ["\\"}"]} ', False, True),
        ("[1]", False, False),
        ("{\\\\}", False, True),
    ],
)
def test_the_progress_of_arguments(text: str, is_open: bool, complete: bool) -> None:
    whole, pieces = Progress(), Progress()
    whole.add(text)
    for letter in text:
        pieces.add(letter)
    assert (whole.open, whole.complete) == (pieces.open, pieces.complete) == (is_open, complete)
